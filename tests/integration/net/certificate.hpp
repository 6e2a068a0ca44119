#pragma once

#include <filesystem>
#include <string>

namespace kavi::test {

/// Writes a self-signed certificate and its key to `folder` as certificate.pem and key.pem. `names` as in
/// "DNS:localhost,IP:127.0.0.1"; it expires `days` from now (negative: days ago).
void make_certificate(const std::filesystem::path& folder, const std::string& names, int days);

}  // namespace kavi::test
