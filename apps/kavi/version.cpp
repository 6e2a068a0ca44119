#include "version.hpp"

#include <curl/curl.h>
#include <fmt/format.h>
#include <libssh/libssh.h>
#include <openssl/crypto.h>
#include <zlib.h>
#include <zstd.h>

#include <kavi_version.hpp>

namespace kavi::app {

namespace {

/// What runs, where a library can say so (a security update changes it without a new kavi); else what was
/// built with.
OrderedJson libraries() {
    return {{"libcurl", curl_version_info(CURLVERSION_NOW)->version},
            {"libssh", ssh_version(0)},
            {"openssl", OpenSSL_version(OPENSSL_VERSION_STRING)},
            {"zstd", ZSTD_versionString()},
            {"zlib", zlibVersion()},
            {"yaml-cpp", KAVI_YAML_CPP_VERSION},
            {"toml++", KAVI_TOMLPLUSPLUS_VERSION},
            {"fmt", KAVI_FMT_VERSION},
            {"nlohmann-json", KAVI_JSON_VERSION},
            {"CLI11", KAVI_CLI11_VERSION}};
}

}  // namespace

Result version(bool with_libraries) {
    Result result{.text = fmt::format("kavi {}\n", KAVI_VERSION)};
    if (with_libraries) result.data = {{"version", KAVI_VERSION}, {"libraries", libraries()}};
    return result;
}

}  // namespace kavi::app
