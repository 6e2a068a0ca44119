#include <kavi/base/error_codes.hpp>
#include <kavi/net/ssh_channel.hpp>

#include <new>
#include <utility>

namespace kavi::net {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

class LibsshSession final : public SshSession {
  public:
    LibsshSession(SshLine line, SshLog* log) : line_(std::move(line)), event_(ssh_event_new()), log_(log) {
        if (!event_ || ssh_event_add_session(event_.get(), line_.session()) != SSH_OK) throw std::bad_alloc();
    }

    ~LibsshSession() override { ssh_event_remove_session(event_.get(), line_.session()); }

    LibsshSession(const LibsshSession&) = delete;
    LibsshSession& operator=(const LibsshSession&) = delete;

    std::unique_ptr<SshChannel> start(std::string_view command, std::stop_token stop) override {
        return open(command, std::move(stop));
    }

    std::unique_ptr<SshChannel> start_subsystem(std::string_view name, std::stop_token stop) override {
        auto channel = open_channel(stop);
        channel->start_subsystem(name, std::move(stop));
        return channel;
    }

    ExecResult exec(std::string_view command,
                    std::string_view input,
                    std::function<void(std::string_view)> on_output,
                    std::stop_token stop,
                    milliseconds idle) override {
        return open(command, stop)->run(input, on_output, stop, idle);
    }

  private:
    std::unique_ptr<LibsshChannel> open(std::string_view command, std::stop_token stop) {
        auto channel = open_channel(stop);
        channel->start_command(command, std::move(stop));
        if (log_) log_->started(line_.target());
        return channel;
    }

    std::unique_ptr<LibsshChannel> open_channel(std::stop_token stop) {
        if (stop.stop_requested()) throw Error(errors::interrupted, "interrupted");
        auto channel = std::make_unique<LibsshChannel>(line_, event_.get());
        channel->open(std::exchange(opened_before_, true), std::move(stop));
        return channel;
    }

    SshLine line_;
    EventHandle event_;
    SshLog* log_;
    bool opened_before_ = false;
};

}  // namespace

std::unique_ptr<SshSession> make_ssh_session(SshLine line, SshLog* log) {
    return std::make_unique<LibsshSession>(std::move(line), log);
}

}  // namespace kavi::net
