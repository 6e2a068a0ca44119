#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace kavi::standin {

/// A descriptor that is closed when this goes.
class Socket {
  public:
    explicit Socket(int descriptor = -1) : descriptor_(descriptor) {}

    Socket(Socket&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

    Socket& operator=(Socket&& other) noexcept {
        std::swap(descriptor_, other.descriptor_);
        return *this;
    }

    ~Socket();

    int get() const { return descriptor_; }

    explicit operator bool() const { return descriptor_ >= 0; }

  private:
    int descriptor_;
};

/// Listens on every address (IPv4 and IPv6) at `port`; ends the program where that fails.
Socket listen_on(int port);
/// Connects within five seconds; an empty Socket where that fails.
Socket connect_to(const std::string& host, int port);
Socket connect_to_unix(const std::string& path);

/// The next bytes; empty at the end or on failure.
std::string read_some(int descriptor);
bool write_all(int descriptor, std::string_view bytes);

}  // namespace kavi::standin
