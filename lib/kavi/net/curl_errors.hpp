#pragma once

#include <kavi/net/transport.hpp>

#include <curl/curl.h>

#include <string>
#include <string_view>

namespace kavi::net {

/// What curl knows about an exchange that failed.
struct CurlEnd {
    CURLcode code = CURLE_OK;
    long verify_result = 0;  ///< X509_V_ERR_… (CURLINFO_SSL_VERIFYRESULT)
    long system_error = 0;   ///< errno of the connect (CURLINFO_OS_ERRNO)
    std::string_view text;   ///< CURLOPT_ERRORBUFFER
    std::string_view place;  ///< "host:port" as in the URL
};

struct FailureReason {
    NetworkFailure failure;
    std::string why;  ///< for people: "connection refused by api.example.org:443"
};

/// In words, and as a kind; pure.
FailureReason failure_reason(const CurlEnd& end);

}  // namespace kavi::net
