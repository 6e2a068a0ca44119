#pragma once

#include <kavi/base/error_codes.hpp>
#include <kavi/base/json.hpp>
#include <kavi/net/transport.hpp>

#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

/// A transport that answers from a script, in order, and remembers what it was asked.
class ScriptedTransport final : public kavi::net::Transport {
  public:
    using Step = std::function<kavi::net::Response(const kavi::net::Request&)>;

    ScriptedTransport& then(Step step) {
        steps_.push_back(std::move(step));
        return *this;
    }

    ScriptedTransport& then(int status, const kavi::Json& body, std::vector<kavi::net::Header> headers = {}) {
        return then_text(status, body.dump(), std::move(headers));
    }

    ScriptedTransport& then_text(int status,
                                 const std::string& body,
                                 std::vector<kavi::net::Header> headers = {}) {
        return then([=](const kavi::net::Request&) {
            return kavi::net::Response{.status = status, .headers = headers, .body = body};
        });
    }

    /// The connection breaks; `sent`: nobody knows whether the request took effect.
    ScriptedTransport& then_breaks(bool sent) {
        return then([=](const kavi::net::Request&) -> kavi::net::Response {
            kavi::net::NetworkError error(
                kavi::net::NetworkFailure::broken, sent, "the connection was reset");
            if (sent) error.because(std::string(kavi::net::unknown_outcome));
            throw error;
        });
    }

    kavi::net::Response send(const kavi::net::Request& request, std::stop_token) override {
        Step step;
        {
            const std::lock_guard lock(mutex_);
            asked.push_back(request);
            if (steps_.empty())
                throw kavi::Error(kavi::errors::internal,
                                  "not in the script: " + request.method + " " + request.url);
            step = std::move(steps_.front());
            steps_.pop_front();
        }
        return step(request);
    }

    /// "POST /servers", …: the base URL is cut off.
    std::vector<std::string> lines() const {
        std::vector<std::string> all;
        for (const auto& request : asked)
            all.push_back(request.method + " " + request.url.substr(base.size()));
        return all;
    }

    bool exhausted() const { return steps_.empty(); }

    std::string base = "http://127.0.0.1:1/v1";
    std::vector<kavi::net::Request> asked;

  private:
    std::mutex mutex_;
    std::deque<Step> steps_;
};
