#pragma once

#include <kavi/base/secret.hpp>
#include <kavi/net/transport.hpp>

#include <chrono>
#include <string>
#include <string_view>

namespace kavi::api {

struct S3Access {
    std::string access_key;
    Secret secret_key;
    std::string region;  ///< "nbg1"
};

/// Signs the request by AWS Signature Version 4 for S3, its body's hash included: adds host's share,
/// x-amz-date, x-amz-content-sha256 and authorization. The URL's path and query must be encoded by s3_encode
/// already; the query may be in any order. Good for 15 minutes from `now` on.
void s3_sign(net::Request& request, const S3Access& access, std::chrono::system_clock::time_point now);

/// Percent-encodes all but letters, digits and "-_.~"; '/' stays where `path` says so.
std::string s3_encode(std::string_view text, bool path = false);
/// The other way round; what is no "%XX" stays.
std::string s3_decode(std::string_view text);

}  // namespace kavi::api
