#include <kavi/base/error_codes.hpp>
#include <kavi/net/address.hpp>
#include <kavi/net/ssh_socket.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <future>
#include <memory>
#include <thread>
#include <utility>

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

namespace kavi::net {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

/// How long nothing is looked at but the socket: what a stop request waits for at most.
constexpr milliseconds slice(100);

struct FreeAddresses {
    void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

struct Lookup {
    int problem = 0;
    Addresses addresses;
};

Lookup look_up(const std::string& host, const std::string& port, int flags) {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_NUMERICSERV | flags;
    addrinfo* list = nullptr;
    const int problem = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &list);
    return {problem, Addresses(problem == 0 ? list : nullptr)};
}

class Dialler {
  public:
    Dialler(const SshTarget& target, const ConnectionRules& rules, std::stop_token stop)
        : target_(target),
          rules_(rules),
          stop_(std::move(stop)),
          deadline_(steady_clock::now() + target.connect_timeout),
          destination_(destination_for(rules, target.host, target.port)) {}

    FileDescriptor dial() {
        const auto found = resolve();
        if (!found.addresses)
            throw unreachable(fmt::format("{}: {}", destination_.host, ::gai_strerror(found.problem)));
        int left = 0;
        for (const auto* one = found.addresses.get(); one; one = one->ai_next) ++left;
        std::string why;
        for (const auto* one = found.addresses.get(); one; one = one->ai_next, --left) {
            const auto share =
                std::max(deadline_ - steady_clock::now(), steady_clock::duration::zero()) / left;
            if (auto socket = try_address(*one, steady_clock::now() + share, why)) return socket;
        }
        throw unreachable(why);
    }

  private:
    /// The system's look-up can't be cancelled: it gets a thread that may outlive us.
    Lookup resolve() {
        const auto port = std::to_string(destination_.port);
        if (is_address(destination_.host)) return look_up(destination_.host, port, AI_NUMERICHOST);
        std::promise<Lookup> promise;
        auto answer = promise.get_future();
        std::thread([host = destination_.host, port, promise = std::move(promise)]() mutable {
            promise.set_value(look_up(host, port, AI_ADDRCONFIG));
        }).detach();
        while (answer.wait_for(slice) != std::future_status::ready) check_time(deadline_, "the name look-up");
        return answer.get();
    }

    FileDescriptor try_address(const addrinfo& address, steady_clock::time_point until, std::string& why) {
        if (rules_.loopback_only && !is_local_or_mapped(rules_, *address.ai_addr))
            throw Error(errors::address_forbidden, fmt::format("{} may not be contacted", target_.name))
                .because(fmt::format("{} leads to {}", destination_.host, address_text(*address.ai_addr)));
        FileDescriptor socket(::socket(address.ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!socket) {
            why = std::strerror(errno);
            return {};
        }
        set_options(socket.get());
        if (::connect(socket.get(), address.ai_addr, address.ai_addrlen) == 0) return socket;
        const int problem = errno == EINPROGRESS ? outcome(socket.get(), until) : errno;
        if (problem == 0) return socket;
        why = fmt::format("{}: {}",
                          host_port_text(address_text(*address.ai_addr), destination_.port),
                          std::strerror(problem));
        return {};
    }

    /// 0 once connected, else an errno.
    int outcome(int socket, steady_clock::time_point until) {
        pollfd polled{socket, POLLOUT, 0};
        while (::poll(&polled, 1, static_cast<int>(slice.count())) <= 0) {
            if (stop_.stop_requested()) throw Error(errors::interrupted, "interrupted");
            if (steady_clock::now() >= until) return ETIMEDOUT;
        }
        int problem = 0;
        socklen_t size = sizeof problem;
        return ::getsockopt(socket, SOL_SOCKET, SO_ERROR, &problem, &size) == 0 ? problem : errno;
    }

    static void set_options(int socket) {
        const auto set = [socket](int level, int name, int value) {
            ::setsockopt(socket, level, name, &value, sizeof value);
        };
        set(IPPROTO_TCP, TCP_NODELAY, 1);
        set(IPPROTO_TCP, TCP_USER_TIMEOUT, 30'000);
        set(SOL_SOCKET, SO_KEEPALIVE, 1);
        set(IPPROTO_TCP, TCP_KEEPIDLE, 15);
        set(IPPROTO_TCP, TCP_KEEPINTVL, 5);
        set(IPPROTO_TCP, TCP_KEEPCNT, 3);
    }

    void check_time(steady_clock::time_point until, std::string_view what) {
        if (stop_.stop_requested()) throw Error(errors::interrupted, "interrupted");
        if (steady_clock::now() >= until)
            throw unreachable(fmt::format("{} of {} timed out", what, destination_.host));
    }

    Error unreachable(std::string why) {
        return Error(errors::ssh_unreachable, fmt::format("{} can't be reached by SSH", target_.name))
            .because(std::move(why))
            .fix("see whether it runs, and whether a firewall lets this machine in");
    }

    const SshTarget& target_;
    const ConnectionRules& rules_;
    std::stop_token stop_;
    steady_clock::time_point deadline_;
    Destination destination_;
};

}  // namespace

FileDescriptor dial(const SshTarget& target, const ConnectionRules& rules, std::stop_token stop) {
    return Dialler(target, rules, std::move(stop)).dial();
}

}  // namespace kavi::net
