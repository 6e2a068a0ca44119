#pragma once

#include "http.hpp"

#include <string>
#include <string_view>

namespace kavi::standin {

/// Serves HTTP/1.1 on `port` in threads of its own, for ever.
void serve_http(int port, Handler handler);
/// The same over TLS 1.2 and 1.3. Exits where the certificate or key can't be used.
void serve_https(int port, const std::string& certificate_file, const std::string& key_file, Handler handler);
/// Accepts connections on `port`, sends `greeting` and keeps them open until the other side leaves.
void serve_greeting(int port, std::string greeting);

}  // namespace kavi::standin
