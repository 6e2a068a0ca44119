#include "sshd.hpp"

#include <fmt/format.h>

#include <atomic>
#include <csignal>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace kavi::test {

namespace {

constexpr const char* program = "/usr/sbin/sshd";  // absolute: it starts itself anew for each connection

std::string user_name() {
    const passwd* entry = ::getpwuid(::getuid());
    return entry ? entry->pw_name : "root";
}

}  // namespace

/// Accepts connections and gives each to an sshd of its own.
class Sshd::Listener {
  public:
    Listener(std::string config, std::string log) : config_(std::move(config)), log_(std::move(log)) {
        socket_ = FileDescriptor(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
            ::listen(socket_.get(), 64) != 0 ||
            ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error("no loopback port for sshd");
        port = ntohs(address.sin_port);
        thread_ = std::jthread([this](std::stop_token stop) { accept_all(stop); });
    }

    ~Listener() {
        thread_.request_stop();
        thread_.join();
        kill_all();
    }

    void kill_all() {
        const std::scoped_lock lock(mutex_);
        for (const pid_t child : std::exchange(children_, {})) {
            ::kill(-child, SIGKILL);
            ::waitpid(child, nullptr, 0);
        }
    }

    int port = 0;
    std::atomic<int> count = 0;

  private:
    void accept_all(std::stop_token stop) {
        while (!stop.stop_requested()) {
            pollfd polled{socket_.get(), POLLIN, 0};
            if (::poll(&polled, 1, 20) <= 0) continue;
            const FileDescriptor connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            if (connection) serve(connection.get());
        }
    }

    void serve(int connection) {
        const char* const arguments[] = {program, "-i", "-f", config_.c_str(), "-E", log_.c_str(), nullptr};
        const std::scoped_lock lock(mutex_);
        const pid_t child = ::fork();
        if (child == 0) {
            ::setsid();
            ::dup2(connection, 0);
            ::dup2(connection, 1);
            ::dup2(::open("/dev/null", O_WRONLY), 2);
            ::execv(program, const_cast<char* const*>(arguments));
            ::_exit(127);
        }
        if (child > 0) children_.push_back(child);
        ++count;
    }

    std::string config_, log_;
    FileDescriptor socket_;
    std::mutex mutex_;
    std::vector<pid_t> children_;
    std::jthread thread_;
};

std::optional<std::string> Sshd::missing() {
    if (::access(program, X_OK) != 0) return "sshd isn't installed";
    // Where root starts it, it insists on this folder for its unprivileged half.
    if (::getuid() == 0) ::mkdir("/run/sshd", 0755);
    return {};
}

Sshd::Sshd(const Options& options) {
    const auto& place = folder();
    write_file_atomic(place / "host_key", host_key_.private_key.reveal(), 0600);
    write_file_atomic(place / "authorized_keys", user_key_.public_line + "\n", 0600);
    write_file_atomic(place / "log", "", 0600);
    write_file_atomic(
        place / "config",
        fmt::format("HostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized_keys\nStrictModes no\n"
                    "UsePAM no\nUseDNS no\nPidFile none\nPermitRootLogin yes\nPrintMotd no\n"
                    "PasswordAuthentication no\nKbdInteractiveAuthentication no\n"
                    "MaxSessions {1}\nSubsystem sftp internal-sftp\nLogLevel VERBOSE\n"
                    "SetEnv HOME={0}\n{2}\n",
                    place.string(),
                    options.max_sessions,
                    options.more_config),
        0600);
    listener_ = std::make_unique<Listener>((place / "config").string(), (place / "log").string());
}

Sshd::~Sshd() = default;

net::SshTarget Sshd::target() const {
    net::SshTarget target;
    target.name = "bruno";
    target.host = "127.0.0.1";
    target.port = port();
    target.user = user_name();
    target.pins = {host_key_.digest};
    target.key = user_key_.private_key;
    return target;
}

int Sshd::port() const {
    return listener_->port;
}

int Sshd::connections() const {
    return listener_->count;
}

void Sshd::cut() {
    listener_->kill_all();
}

std::string Sshd::log() const {
    return read_file(folder() / "log");
}

}  // namespace kavi::test
