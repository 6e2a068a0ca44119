#pragma once

#include "../http/call.hpp"
#include "../lab_apis.hpp"

namespace kavi::lab::s3 {

/// Checks AWS Signature Version 4, in the Authorization header or in the query (presigned), with the body's
/// hash. Throws Problem.
void check_signature(const Call& call, const S3Seed& seed);

/// Percent-encodes all but letters, digits and "-_.~" (and '/' where it may stay).
std::string uri_encode(std::string_view text, bool keep_slash);

}  // namespace kavi::lab::s3
