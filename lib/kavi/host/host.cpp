#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/host/host.hpp>

#include <embedded/runner.hpp>
#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>

namespace kavi::host {

namespace {

std::string compress(std::string_view text) {
    auto size = ::compressBound(text.size());
    std::string packed(size, '\0');
    const auto* from = reinterpret_cast<const Bytef*>(text.data());
    if (::compress2(reinterpret_cast<Bytef*>(packed.data()), &size, from, text.size(), 9) != Z_OK)
        throw Error(errors::internal, "the runner couldn't be compressed");
    packed.resize(size);
    return packed;
}

/// What the runner sends back is at most this large once unpacked.
constexpr std::size_t largest_answer = std::size_t{64} << 20;

/// Unpacks zlib data from a server.
std::string decompress(std::string_view packed) {
    z_stream stream{};
    if (::inflateInit(&stream) != Z_OK) throw Error(errors::internal, "zlib can't be used");
    const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, &::inflateEnd);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    std::string text;
    int status = Z_OK;
    while (status == Z_OK && text.size() < largest_answer) {
        const auto old = text.size();
        text.resize(old + (std::size_t{256} << 10));
        stream.next_out = reinterpret_cast<Bytef*>(text.data() + old);
        stream.avail_out = static_cast<uInt>(text.size() - old);
        status = ::inflate(&stream, Z_NO_FLUSH);
        text.resize(text.size() - stream.avail_out);
        if (status == Z_BUF_ERROR || (stream.avail_in == 0 && stream.avail_out != 0)) break;
    }
    if (status != Z_STREAM_END) throw Error(errors::remote_failed, "a server's answer can't be unpacked");
    return text;
}

const ErrorCode& code_of(std::string_view id) {
    const auto codes = all_error_codes();
    const auto found = std::ranges::find(codes, id, &ErrorCode::id);
    return found == codes.end() ? errors::remote_failed : *found;
}

}  // namespace

// Its texts come from outside.
Error error_of(const Json& event) {
    Error error(code_of(string_or(event, "code")), printable(string_or(event, "message", "a step failed")));
    if (const auto causes = event.find("causes"); causes != event.end() && causes->is_array())
        for (const auto& cause : *causes)
            if (cause.is_string()) error.because(printable(cause.get<std::string>()));
    if (const auto fix = printable(string_or(event, "fix")); !fix.empty()) error.fix(fix);
    return error;
}

namespace {

std::string frame(std::string_view name, std::string_view bytes) {
    return fmt::format("{} {}\n{}", name, bytes.size(), bytes);
}

class RunnerHost final : public Host {
  public:
    RunnerHost(std::string name, std::unique_ptr<net::SshSession> session, Purpose purpose)
        : name_(std::move(name)), session_(std::move(session)), purpose_(std::move(purpose)) {}

    const std::string& name() const override { return name_; }

    Json call(const Operation& operation, const EventSink& on_event, std::stop_token stop) override {
        send(operation, stop);
        return receive(operation, on_event, stop);
    }

  private:
    void send(const Operation& operation, const std::stop_token& stop) {
        if (!channel_) {
            channel_ = session_->start(loader_command(), stop);
            const auto& script = runner_script();
            channel_->write(fmt::format("{}\n{}", script.size(), script), stop);
        }
        for (const auto& one : operation.frames) {
            channel_->write(fmt::format("{} {}\n", one.name, one.view().size()), stop);
            channel_->write(one.view(), stop);
        }
        const Json request{{"operation", operation.name},
                           {"parameters", operation.parameters},
                           {"lock_wait", std::chrono::duration<double>(purpose_.lock_wait).count()},
                           {"owner",
                            {{"run", purpose_.run}, {"who", purpose_.who}, {"command", purpose_.command}}}};
        channel_->write(frame("request", canonical_json(request)), stop);
    }

    Json receive(const Operation& operation, const EventSink& on_event, const std::stop_token& stop) {
        while (true) {
            const auto line = next_line(operation, stop);
            const auto event = parse_json(line, fmt::format("what {}'s runner says", name_));
            const auto kind = string_or(event, "event");
            if (kind == "failure") throw error_of(event);
            if (kind == "result") return result_of(event);
            if (kind != "ready") on_event(event);
        }
    }

    Json result_of(const Json& event) const {
        if (const auto data = event.find("data"); data != event.end()) return *data;
        const auto packed = decode_base64(string_or(event, "z"));
        if (!packed) throw Error(errors::remote_failed, "a server's answer can't be unpacked");
        return parse_json(decompress(*packed), fmt::format("{}'s answer", name_));
    }

    std::string next_line(const Operation& operation, const std::stop_token& stop) {
        while (true) {
            if (const auto end = received_.find('\n'); end != std::string::npos) {
                auto line = received_.substr(0, end);
                received_.erase(0, end + 1);
                return line;
            }
            if (received_.size() > 2 * largest_answer) throw Error(errors::remote_failed, "a server's answer has no end");
            const auto more = channel_->read(stop);
            if (!more) throw ended(operation);
            received_ += *more;
        }
    }

    Error ended(const Operation& operation) {
        const auto said = printable(std::string(trim(channel_->errors())));
        if (channel_->status() == 127 || said.find("python3") != std::string::npos)
            return Error(errors::remote_failed, fmt::format("{} has no python3, which kavi needs there", name_))
                .because(said)
                .fix("install it: kavi ssh, then apt-get install python3-minimal");
        Error error(errors::remote_failed, fmt::format("the runner on {} ended during {}", name_, operation.name));
        if (!said.empty()) error.because(said.substr(0, 400));
        return error.fix("run the command again");
    }

    std::string name_;
    std::unique_ptr<net::SshSession> session_;
    std::unique_ptr<net::SshChannel> channel_;  // goes before its session
    Purpose purpose_;
    std::string received_;
};

}  // namespace

std::string_view Frame::view() const {
    if (const auto* secret = std::get_if<Secret>(&bytes)) return secret->reveal();
    return std::get<std::string>(bytes);
}

std::string_view loader_command() {
    return "exec $([ \"$(id -u)\" = 0 ] || echo sudo -n) python3 -IS -c "
           "'import sys,zlib;i=sys.stdin.buffer;n=int(i.readline());"
           "exec(compile(zlib.decompress(i.read(n)),\"kavi\",\"exec\"))'";
}

const std::string& runner_script() {
    static const std::string script = [] {
        std::string text;
        const auto add = [&](auto wanted) {
            for (const auto& part : embedded::runner())
                if (wanted(part.name)) text += fmt::format("{}\n\n", part.content);
        };
        add([](auto name) { return name == "core.py"; });
        add([](auto name) { return name != "core.py" && name != "main.py"; });
        add([](auto name) { return name == "main.py"; });
        return compress(text);
    }();
    return script;
}

std::unique_ptr<Host> SshHostDialer::open(const net::SshTarget& target, std::stop_token stop) {
    return std::make_unique<RunnerHost>(target.name, connector_.connect(target, std::move(stop)), purpose_);
}

}  // namespace kavi::host
