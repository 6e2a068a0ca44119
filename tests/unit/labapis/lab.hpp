#pragma once

#include <kavi/base/json.hpp>

#include <httplib.h>

#include <chrono>
#include <cstdlib>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include <apis/lab_apis.hpp>

/// The lab's APIs, started, and a client of each.
struct Lab {
    kavi::lab::LabApis apis;

    explicit Lab(kavi::lab::LabApisConfig config = {}) : apis(logged(std::move(config))) { apis.start(); }

  private:
    /// KAVI_LAB_LOG names a file for all exchanges: the conformance test reads them.
    static kavi::lab::LabApisConfig logged(kavi::lab::LabApisConfig config) {
        const char* log = std::getenv("KAVI_LAB_LOG");
        if (log == nullptr || config.request_log) return config;
        config.request_log = log;
        config.verbose_log = true;
        return config;
    }
};

struct Reply {
    int status = 0;  ///< 0: no answer came
    kavi::Json json;
    std::string body;
    httplib::Headers headers;

    std::string header(const std::string& name) const {
        const auto found = headers.find(name);
        return found == headers.end() ? "" : found->second;
    }

    std::string code() const { return json.contains("error") ? kavi::string_or(json["error"], "code") : ""; }
};

/// Speaks to one API with one connection.
class Client {
  public:
    Client(const Lab& lab, const std::string& api, const std::string& token = {})
        : client_("127.0.0.1", lab.apis.port(api)), prefix_(prefix_of(lab.apis.url(api))) {
        client_.set_keep_alive(true);
        client_.set_tcp_nodelay(true);
        client_.set_read_timeout(20);
        if (!token.empty()) headers_.emplace("Authorization", "Bearer " + token);
    }

    Reply send(const std::string& method,
               const std::string& path,
               const std::string& body = {},
               const httplib::Headers& more = {},
               const std::string& type = "application/json") {
        httplib::Request request;
        request.method = method;
        request.path = prefix_ + path;
        request.headers = headers_;
        for (const auto& header : more) request.headers.insert(header);
        request.body = body;
        if (!body.empty()) request.set_header("Content-Type", type);
        const auto result = client_.send(request);
        if (!result) return {};
        return {
            result->status, kavi::Json::parse(result->body, nullptr, false), result->body, result->headers};
    }

    Reply get(const std::string& path) { return send("GET", path); }

    Reply post(const std::string& path, const kavi::Json& body) { return send("POST", path, body.dump()); }

    Reply post(const std::string& path) { return send("POST", path); }

    Reply put(const std::string& path, const kavi::Json& body) { return send("PUT", path, body.dump()); }

    Reply patch(const std::string& path, const kavi::Json& body) { return send("PATCH", path, body.dump()); }

    Reply remove(const std::string& path) { return send("DELETE", path); }

    Reply remove(const std::string& path, const kavi::Json& body) {
        return send("DELETE", path, body.dump());
    }

  private:
    static std::string prefix_of(const std::string& url) {
        const auto slash = url.find('/', std::string("http://").size());
        return slash == std::string::npos ? "" : url.substr(slash);
    }

    httplib::Client client_;
    std::string prefix_;
    httplib::Headers headers_;
};

/// Asks until `ready` says yes, for ten seconds at most.
template <typename Ready>
bool eventually(Ready ready) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < end) {
        if (ready()) return true;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
}
