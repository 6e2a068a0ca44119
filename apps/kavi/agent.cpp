#include "agent.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/curl_transport.hpp>
#include <kavi/net/retry.hpp>
#include <kavi/net/ssh_libssh.hpp>
#include <kavi/ops/agent/backup.hpp>
#include <kavi/ops/agent/restore.hpp>
#include <kavi/store/target.hpp>

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <optional>

#include <unistd.h>

namespace kavi::app {

namespace {

constexpr std::size_t largest_request = std::size_t{16} << 20;

std::string read_all(int fd) {
    std::string text;
    std::array<char, 65536> buffer;
    for (;;) {
        const auto count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return text;
        text.append(buffer.data(), static_cast<std::size_t>(count));
        if (text.size() > largest_request) throw Error(errors::json_invalid, "the request has no end");
    }
}

net::ConnectionRules rules_of(const Environment& environment) {
    net::ConnectionRules rules;
    rules.connect_to =
        net::ConnectionRules::parse_connect_to(environment.find("KAVI_CONNECT_TO").value_or(""));
    rules.loopback_only = environment.is_on("KAVI_LOOPBACK_ONLY");
    rules.certificate_file = environment.find("SSL_CERT_FILE");
    return rules;
}

class Agent {
  public:
    explicit Agent(const AgentCall& call)
        : call_(call),
          curl_({.rules = rules_of(call.environment), .trace = {}}),
          http_(curl_, clock_),
          ssh_(rules_of(call.environment)) {}

    Exit run() {
        std::optional<Json> request;
        try {
            request = read_request();
            const auto result = carry_out(*request);
            say({{"event", "result"}, {"data", result}});
            const auto problems =
                mode() == "backup" ? ops::backup_problems(result) : std::vector<std::string>{};
            notify(*request, problems);
            return problems.empty() ? Exit::ok : Exit::partial;
        } catch (const Error& error) {
            auto failure = ops::failure_json(error);
            failure["event"] = "failure";
            say(failure);
            if (request) notify(*request, {error.message()});
            return error.code().exit;
        }
    }

  private:
    const std::string& mode() const { return call_.words.front(); }

    Json read_request() {
        if (call_.words.empty()) throw Error(errors::usage, "__agent needs backup, restore or verify");
        if (call_.words.size() == 3 && call_.words[1] == "--request") {
            timed_ = true;
            return parse_json(read_file(call_.words[2]), call_.words[2]);
        }
        if (call_.words.size() != 1)
            throw Error(errors::usage, "__agent takes --request FILE and nothing else");
        auto text = read_all(call_.input);
        auto request = parse_json(text, "the request");
        wipe(text);
        return request;
    }

    Json carry_out(const Json& request) {
        const auto open = [this](const Json& store) {
            return store::open_store(
                store::read_store_target(store), {.ssh = ssh_, .http = curl_, .clock = clock_}, call_.stop);
        };
        const auto tell = [this](const Json& event) { say(event); };
        const auto reached = [this](std::string_view point) { pass(point); };
        if (mode() == "backup")
            return ops::run_backup(request,
                                   {.open_store = open,
                                    .on_event = tell,
                                    .clock = clock_,
                                    .reached = reached,
                                    .stop = call_.stop});
        const ops::RestoreAgent agent{
            .open_store = open, .on_event = tell, .clock = clock_, .reached = reached, .stop = call_.stop};
        if (mode() == "restore") return ops::run_restore(request, agent);
        if (mode() == "verify") return ops::run_verify(request, agent);
        throw Error(errors::usage, fmt::format("__agent does no '{}'", mode()));
    }

    /// KAVI_AGENT_CRASH_AT=stored kills here in test builds.
    void pass([[maybe_unused]] std::string_view point) const {
#ifdef KAVI_TEST_HOOKS
        if (call_.environment.find("KAVI_AGENT_CRASH_AT") == std::string(point)) ::raise(SIGKILL);
#endif
    }

    /// A person must hear of a timer's failure, and whoever watches must hear that it still runs. Its own
    /// failure is told, and changes nothing else.
    void notify(const Json& request, const std::vector<std::string>& problems) {
        const auto url = string_or(member_or_null(request, "notify"), "url");
        if (!timed_ || url.empty()) return;
        const auto who =
            fmt::format("kavi backup of {} ({})", string_or(request, "server"), string_or(request, "estate"));
        const Json body{
            {"estate", string_or(request, "estate")},
            {"server", string_or(request, "server")},
            {"what", "backup"},
            {"ok", problems.empty()},
            {"text",
             problems.empty() ? who + ": done" : fmt::format("{} failed: {}", who, join(problems, "; "))}};
        try {
            const auto answer = http_.send({.method = "POST",
                                            .url = url,
                                            .headers = {{"Content-Type", "application/json"}},
                                            .body = canonical_json(body),
                                            .repeatable = true},
                                           {});
            if (answer.status >= 400)
                throw Error(errors::network_failed,
                            fmt::format("the notification address answered {}", answer.status));
        } catch (const Error& error) {
            // Its message could name the address, which is a secret.
            say({{"event", "progress"},
                 {"subject", "notify"},
                 {"text", fmt::format("nobody was told: {}", error.code().title)}});
        }
    }

    void say(const Json& event) {
        const std::lock_guard lock(saying_);
        call_.out.write(event.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n");
    }

    const AgentCall& call_;
    SystemClock clock_;
    net::CurlTransport curl_;
    net::RetryingTransport http_;
    net::LibsshConnector ssh_;
    std::mutex saying_;
    bool timed_ = false;
};

}  // namespace

Exit run_agent(const AgentCall& call) {
    return Agent(call).run();
}

}  // namespace kavi::app
