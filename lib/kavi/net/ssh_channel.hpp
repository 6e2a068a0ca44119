#pragma once

#include <kavi/net/ssh_line.hpp>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kavi::net {

/// What the server sent on a channel; libssh's callbacks write here.
struct Received {
    Received();
    Received(const Received&) = delete;
    Received& operator=(const Received&) = delete;

    std::string output;       ///< not yet handed on
    std::string errors;       ///< the last 64 to 128 KiB
    std::uint64_t bytes = 0;  ///< of both, so far
    int status = -1;
    std::string signal;
    bool closed = false;
    ssh_channel_callbacks_struct callbacks{};
};

/// One command on one channel. Both outputs are taken whenever anything is waited for, so that no stream can
/// block another.
class LibsshChannel final : public SshChannel {
  public:
    LibsshChannel(SshLine& line, ssh_event event) : line_(line), event_(event) {}

    ~LibsshChannel() override;
    LibsshChannel(const LibsshChannel&) = delete;
    LibsshChannel& operator=(const LibsshChannel&) = delete;

    /// Opens the channel. A server frees a closed channel's place a moment later: with `others_before`, a
    /// refusal is asked again.
    void open(bool others_before, std::stop_token stop);
    void start_command(std::string_view command, std::stop_token stop);
    /// Throws errors::remote_failed where the server has no such subsystem.
    void start_subsystem(std::string_view name, std::stop_token stop);

    void write(std::string_view bytes, std::stop_token stop) override;
    void end_input() override;
    std::optional<std::string> read(std::stop_token stop, std::chrono::milliseconds idle) override;
    std::string errors() const override;
    int status() override;

    /// Feeds `input` and hands on the output until the command has ended.
    ExecResult run(std::string_view input,
                   const std::function<void(std::string_view)>& on_output,
                   std::stop_token stop,
                   std::chrono::milliseconds idle);

  private:
    bool try_open(std::stop_token stop);
    /// Sends what the other side's window takes of `bytes` and removes it from them; did anything go?
    bool offer(std::string_view& bytes);
    /// Waits for the socket, `slice` at most, and takes what comes; gives whether anything came. Throws what
    /// a stop request, the deadline or a broken line ask for.
    bool wait(std::chrono::milliseconds slice,
              std::chrono::steady_clock::time_point deadline,
              const std::stop_token& stop);
    void pump(std::chrono::milliseconds limit);
    /// Lets the other side send on, far enough ahead for a long way.
    void widen();

    SshLine& line_;
    ssh_event event_;
    Received received_;
    ChannelHandle channel_;
    bool input_ended_ = false;
    std::uint64_t widened_at_ = 0;  ///< when so many bytes had come
    std::unique_ptr<char[]> room_;  ///< what libssh asks for, and doesn't use
};

}  // namespace kavi::net
