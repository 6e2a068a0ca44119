#include "relay.hpp"

#include "lab/tools.hpp"
#include "network/plain_socket.hpp"
#include "network/relay_connection.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <list>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

namespace kavi::lab {
namespace {

FileDescriptor begin_connecting(const std::string& target, int port) {
    FileDescriptor socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto there = ipv4_address(target, port);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0 &&
        errno != EINPROGRESS)
        return {};
    return socket;
}

struct Listener {
    FileDescriptor socket;
    std::string name, target;
    int target_port = 0;
};

}  // namespace

class Relay::Loop {
  public:
    explicit Loop(std::function<void(const RelayRecord&)> on_end)
        : on_end_(std::move(on_end)),
          wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
          thread_([this](std::stop_token stop) { run(stop); }) {}

    ~Loop() {
        thread_.request_stop();
        wake();
        thread_.join();
    }

    int listen(const std::string& address, int port, Listener listener) {
        listener.socket = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const int on = 1;
        ::setsockopt(listener.socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        auto here = ipv4_address(address, port);
        socklen_t size = sizeof here;
        auto* generic = reinterpret_cast<sockaddr*>(&here);
        if (::bind(listener.socket.get(), generic, size) != 0 || ::listen(listener.socket.get(), 256) != 0)
            throw lab_error(fmt::format("{}:{} can't be listened on", address, port))
                .because(std::strerror(errno));
        ::getsockname(listener.socket.get(), generic, &size);
        {
            const std::scoped_lock lock(mutex_);
            listeners_.push_back(std::move(listener));
        }
        wake();
        return ntohs(here.sin_port);
    }

    void retarget(const std::string& name, const std::string& target) {
        const std::scoped_lock lock(mutex_);
        for (auto& listener : listeners_)
            if (listener.name == name) listener.target = target;
    }

    void set_rule(const std::string& name, RelayRule rule) {
        {
            const std::scoped_lock lock(mutex_);
            rules_[name] = std::move(rule);
        }
        wake();
    }

    RelayRule rule(const std::string& name) const {
        const std::scoped_lock lock(mutex_);
        const auto found = rules_.find(name);
        return found == rules_.end() ? RelayRule() : found->second;
    }

  private:
    void wake() {
        const std::uint64_t one = 1;
        if (::write(wake_.get(), &one, sizeof one) < 0) return;  // full: it is awake
    }

    void run(std::stop_token stop) {
        while (!stop.stop_requested()) {
            std::vector<pollfd> polled{{wake_.get(), POLLIN, 0}};
            int wait = 1000;
            {
                const std::scoped_lock lock(mutex_);
                for (const auto& listener : listeners_) polled.push_back({listener.socket.get(), POLLIN, 0});
                for (auto& connection : connections_) connection.add_interest(polled, wait);
            }
            ::poll(polled.data(), polled.size(), wait);
            std::uint64_t ignored = 0;
            if (::read(wake_.get(), &ignored, sizeof ignored) < 0) ignored = 0;
            work();
        }
        for (auto& connection : connections_) on_end_(connection.record());
    }

    void work() {
        std::vector<RelayRecord> ended;
        {
            const std::scoped_lock lock(mutex_);
            for (const auto& listener : listeners_) accept_from(listener);
            for (auto at = connections_.begin(); at != connections_.end();) {
                if (at->pump(rules_[at->name()])) {
                    ++at;
                } else {
                    ended.push_back(at->record());
                    at = connections_.erase(at);
                }
            }
        }
        for (const auto& record : ended) on_end_(record);
    }

    void accept_from(const Listener& listener) {
        for (;;) {
            FileDescriptor client(
                ::accept4(listener.socket.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
            if (!client) return;
            const auto& rule = rules_[listener.name];
            std::size_t open = 0;
            for (const auto& connection : connections_) open += connection.name() == listener.name ? 1 : 0;
            if (rule.most_connections && open >= *rule.most_connections) continue;
            auto server = begin_connecting(listener.target, listener.target_port);
            if (server && !rule.reset)
                connections_.emplace_back(
                    std::move(client), std::move(server), listener.name, listener.target_port, rule);
            else
                reset_socket(client);
        }
    }

    std::function<void(const RelayRecord&)> on_end_;
    FileDescriptor wake_;
    mutable std::mutex mutex_;
    std::list<Listener> listeners_;
    std::map<std::string, RelayRule> rules_;
    std::list<RelayConnection> connections_;
    std::jthread thread_;
};

Relay::Relay(std::function<void(const RelayRecord&)> on_end)
    : loop_(std::make_unique<Loop>(std::move(on_end))) {}

Relay::~Relay() = default;

int Relay::listen(const std::string& address,
                  int port,
                  const std::string& name,
                  const std::string& target,
                  int target_port) {
    return loop_->listen(address, port, {.name = name, .target = target, .target_port = target_port});
}

void Relay::retarget(const std::string& name, const std::string& target) {
    loop_->retarget(name, target);
}

void Relay::set_rule(const std::string& name, RelayRule rule) {
    loop_->set_rule(name, std::move(rule));
}

RelayRule Relay::rule(const std::string& name) const {
    return loop_->rule(name);
}

}  // namespace kavi::lab
