#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace kavi::lab {

/// Ends TLS for every name that the lab answers for, and hands the bytes on to whoever stands behind that
/// name.
class TlsFront {
  public:
    struct Target {
        std::string address;
        int port = 0;
        bool tls = false;  ///< speak TLS onward too, for the same name, verified against the lab's authority
    };

    /// Nobody behind the name (nullopt): the connection ends. Called from many threads.
    using Choose = std::function<std::optional<Target>(const std::string& server_name)>;

    /// Throws where the files can't be used.
    TlsFront(const std::string& certificate,
             const std::string& key,
             const std::string& authority,
             Choose choose);
    ~TlsFront();
    TlsFront(const TlsFront&) = delete;
    TlsFront& operator=(const TlsFront&) = delete;

    /// Listens there too; gives the port (0: any). Throws where it is taken.
    int listen(const std::string& address, int port);

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace kavi::lab
