#include "server.hpp"

#include "sockets.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>
#include <httplib.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <utility>

namespace kavi::lab {
namespace {

/// One thread for each connection: a client that keeps one open keeps nobody else waiting.
class ThreadPerConnection final : public httplib::TaskQueue {
  public:
    using Enqueued = decltype(std::declval<httplib::TaskQueue&>().enqueue(std::function<void()>()));

    Enqueued enqueue(std::function<void()> work) override {
        const std::scoped_lock lock(mutex_);
        threads_.remove_if([](const Running& running) { return running.done->load(); });
        auto done = std::make_shared<std::atomic<bool>>(false);
        threads_.push_back({std::jthread([work = std::move(work), done] {
                                work();
                                done->store(true);
                            }),
                            done});
        return static_cast<Enqueued>(true);
    }

    void shutdown() override {
        const std::scoped_lock lock(mutex_);
        threads_.clear();
    }

  private:
    struct Running {
        std::jthread thread;
        std::shared_ptr<std::atomic<bool>> done;
    };

    std::mutex mutex_;
    std::list<Running> threads_;
};

void read_parts(Call& call, const httplib::ContentReader& reader) {
    reader(
        [&](const auto& part) {
            call.parts.push_back({part.name, part.filename, part.content_type, {}});
            return true;
        },
        [&](const char* data, std::size_t size) {
            if (!call.parts.empty()) call.parts.back().content.append(data, size);
            return true;
        });
}

/// A request that announces no body has none; the library would wait for one.
void read_body(Call& call, const httplib::Request& request, const httplib::ContentReader& reader) {
    if (!request.has_header("Content-Length") && !request.has_header("Transfer-Encoding")) return;
    if (request.is_multipart_form_data()) return read_parts(call, reader);
    reader([&](const char* data, std::size_t size) {
        call.body.append(data, size);
        return true;
    });
}

/// The APIs cut ranges themselves; the library would cut any answer, errors too.
void keep_whole(const httplib::Request& request) {
    const_cast<httplib::Request&>(request).ranges.clear();
}

Call to_call(const httplib::Request& request, const std::string& prefix) {
    keep_whole(request);
    Call call{.method = request.method};
    const auto question = request.target.find('?');
    call.raw_path = request.target.substr(0, question);
    if (question != std::string::npos) call.raw_query = request.target.substr(question + 1);
    call.query = parse_query(call.raw_query);
    for (const auto& [name, value] : request.headers) call.headers.emplace(lower(name), value);
    const bool below = call.raw_path.starts_with(prefix);
    call.path = below ? call.raw_path.substr(prefix.size()) : std::string();
    call.peer = request.remote_addr;
    return call;
}

void fill_response(httplib::Response& response, const Answer& answer) {
    response.status = answer.status;
    for (const auto& [name, value] : answer.headers) response.set_header(name, value);
    if (!answer.content_type.empty()) response.set_content(answer.body, answer.content_type);
}

/// Announces the whole body, sends `bytes` of it and ends the connection.
void fill_truncated(httplib::Response& response, const Answer& answer, std::size_t bytes) {
    response.status = answer.status;
    for (const auto& [name, value] : answer.headers) response.set_header(name, value);
    auto begin = answer.body.substr(0, bytes);
    response.set_content_provider(
        answer.body.size() + (begin.size() == answer.body.size() ? 1 : 0),
        answer.content_type,
        [begin = std::move(begin)](std::size_t, std::size_t, httplib::DataSink& sink) {
            sink.write(begin.data(), begin.size());
            return false;
        });
}

}  // namespace

struct HttpServer::Parts {
    Api& api;
    Surroundings surroundings;
    std::string name = api.name(), prefix = api.prefix();
    httplib::Server server;
    int port = 0;
    std::stop_source stopping;
    std::atomic<bool> ended = false;
    std::jthread thread;

    Parts(Api& served, Surroundings around) : api(served), surroundings(around) {}

    void wait(std::chrono::milliseconds duration) {
        if (duration.count() == 0) return;
        std::mutex mutex;
        std::condition_variable_any condition;
        std::unique_lock lock(mutex);
        condition.wait_for(lock, stopping.get_token(), duration, [] { return false; });
    }

    void log(const Call& call, const Answer& answer, std::size_t sent) {
        if (surroundings.log) surroundings.log->write(name, call, answer, sent);
    }

    Answer carry_out(Call& call) {
        try {
            return api.answer(call);
        } catch (const std::exception& problem) {
            return Answer::json(500, {{"lab_bug", problem.what()}});
        }
    }

    Answer with_fault(Call& call, const Fault& fault) {
        const bool normal = fault.truncate || fault.malformed || (fault.status == 0 && !fault.reset);
        Answer answer;
        if (normal || fault.carried_out) answer = carry_out(call);
        if (fault.status != 0) answer = api.error(fault.status, fault.error);
        if (fault.retry_after) answer.headers.emplace_back("Retry-After", std::to_string(*fault.retry_after));
        if (fault.malformed) answer.body = "{\"malformed\": [" + answer.body;
        return answer;
    }

    void drop(const Call& call, httplib::Response& response, int peer_port) {
        log(call, {.status = 0}, 0);
        reset_connection(port, peer_port);
        response.set_content_provider(
            1, "text/plain", [](std::size_t, std::size_t, httplib::DataSink&) { return false; });
    }

    void handle(Call& call, httplib::Response& response, int peer_port) {
        wait(surroundings.latency);
        if (!api.reachable()) return drop(call, response, peer_port);
        const auto fault = surroundings.faults->for_request(name, call.method, call.path);
        call.faulty = fault.has_value();
        if (fault) wait(fault->delay);
        const auto answer = fault ? with_fault(call, *fault) : carry_out(call);
        if (fault && fault->reset) return drop(call, response, peer_port);
        const auto sent =
            fault && fault->truncate ? std::min(*fault->truncate, answer.body.size()) : answer.body.size();
        log(call, answer, call.method == "HEAD" ? 0 : sent);
        if (fault && fault->truncate)
            fill_truncated(response, answer, sent);
        else
            fill_response(response, answer);
    }

    void set_handlers() {
        const std::string any = "[\\s\\S]*";
        server.Get(any, [this](const httplib::Request& request, httplib::Response& response) {
            auto call = to_call(request, prefix);
            handle(call, response, request.remote_port);
        });
        const httplib::Server::HandlerWithContentReader with_body =
            [this](const httplib::Request& request,
                   httplib::Response& response,
                   const httplib::ContentReader& reader) {
                auto call = to_call(request, prefix);
                read_body(call, request, reader);
                handle(call, response, request.remote_port);
            };
        server.Post(any, with_body);
        server.Put(any, with_body);
        server.Patch(any, with_body);
        server.Delete(any, with_body);
    }
};

HttpServer::HttpServer(Api& api, Surroundings surroundings)
    : parts_(std::make_unique<Parts>(api, surroundings)) {
    auto& server = parts_->server;
    server.set_keep_alive_max_count(100'000'000);
    server.set_keep_alive_timeout(75);
    server.set_read_timeout(60);
    server.set_write_timeout(60);
    server.set_tcp_nodelay(true);
    server.new_task_queue = [] { return new ThreadPerConnection; };
    parts_->set_handlers();
}

HttpServer::~HttpServer() {
    stop();
}

void HttpServer::start(const std::string& address, int port) {
    auto& parts = *parts_;
    if (port == 0)
        parts.port = parts.server.bind_to_any_port(address);
    else
        parts.port = parts.server.bind_to_port(address, port) ? port : -1;
    if (parts.port <= 0)
        throw Error(errors::network_failed, fmt::format("{}:{} can't be listened on", address, port));
    lengthen_backlog(parts.port);
    parts.thread = std::jthread([&parts] {
        parts.server.listen_after_bind();
        parts.ended = true;
    });
    while (!parts.server.is_running()) std::this_thread::yield();
}

void HttpServer::stop() {
    auto& parts = *parts_;
    if (!parts.thread.joinable()) return;
    parts.stopping.request_stop();
    parts.server.stop();
    // A connection that was being taken just now shows up a moment later.
    for (; !parts.ended; std::this_thread::sleep_for(std::chrono::milliseconds(2)))
        shut_connections(parts.port);
    parts.thread.join();
}

int HttpServer::port() const {
    return parts_->port;
}

}  // namespace kavi::lab
