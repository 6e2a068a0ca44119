#include <kavi/base/text.hpp>
#include <kavi/net/curl_errors.hpp>

#include <fmt/format.h>
#include <openssl/x509_vfy.h>

#include <cerrno>
#include <cstring>

namespace kavi::net {

namespace {

std::string curl_words(const CurlEnd& end) {
    return end.text.empty() ? curl_easy_strerror(end.code) : printable(trim(end.text));
}

std::string certificate_problem(const CurlEnd& end) {
    // curl compares the name before it asks for the verification's result, which then says nothing.
    if (end.text.find("subject name") != end.text.npos)
        return fmt::format("the certificate shown isn't for {}", end.place);
    switch (end.verify_result) {
        case X509_V_ERR_CERT_HAS_EXPIRED:
            return fmt::format("the certificate of {} has expired", end.place);
        case X509_V_ERR_CERT_NOT_YET_VALID:
            return fmt::format("the certificate of {} isn't valid yet", end.place);
        case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
        case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
        case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
            return fmt::format("the certificate of {} comes from an unknown CA", end.place);
        default:
            return fmt::format("the certificate of {} can't be verified: {}", end.place, curl_words(end));
    }
}

FailureReason not_connected(const CurlEnd& end) {
    if (end.system_error == ECONNREFUSED)
        return {NetworkFailure::refused, fmt::format("connection refused by {}", end.place)};
    if (end.system_error == ENETUNREACH || end.system_error == EHOSTUNREACH)
        return {NetworkFailure::refused, fmt::format("no route to {}", end.place)};
    return {NetworkFailure::refused, fmt::format("no connection to {}: {}", end.place, curl_words(end))};
}

/// A peer that hangs up in the handshake looks like a TLS error to curl.
bool hung_up(const CurlEnd& end) {
    return end.text.find("Connection reset") != end.text.npos ||
           end.text.find("SSL_ERROR_SYSCALL") != end.text.npos ||
           end.text.find("unexpected eof") != end.text.npos;
}

}  // namespace

FailureReason failure_reason(const CurlEnd& end) {
    switch (end.code) {
        case CURLE_COULDNT_RESOLVE_HOST:
            return {NetworkFailure::name_not_found, fmt::format("the name of {} wasn't found", end.place)};
        case CURLE_COULDNT_CONNECT:
            return not_connected(end);
        case CURLE_OPERATION_TIMEDOUT:
            return {NetworkFailure::timed_out, fmt::format("{} timed out: {}", end.place, curl_words(end))};
        case CURLE_PEER_FAILED_VERIFICATION:
            return {NetworkFailure::tls, certificate_problem(end)};
        case CURLE_SSL_CACERT_BADFILE:
            return {NetworkFailure::tls,
                    fmt::format("the file of CA certificates can't be used: {}", curl_words(end))};
        case CURLE_SSL_CONNECT_ERROR:
            if (!hung_up(end))
                return {NetworkFailure::tls, fmt::format("no TLS with {}: {}", end.place, curl_words(end))};
            return {NetworkFailure::broken, fmt::format("{} hung up during the TLS handshake", end.place)};
        case CURLE_PARTIAL_FILE:
            return {NetworkFailure::broken,
                    fmt::format("the answer of {} was cut off: {}", end.place, curl_words(end))};
        case CURLE_GOT_NOTHING:
        case CURLE_SEND_ERROR:
        case CURLE_RECV_ERROR:
        case CURLE_SEND_FAIL_REWIND:
        case CURLE_HTTP2:
        case CURLE_HTTP2_STREAM:
            return {NetworkFailure::broken,
                    fmt::format("the connection to {} broke: {}", end.place, curl_words(end))};
        default:
            return {NetworkFailure::other, fmt::format("{}: {}", end.place, curl_words(end))};
    }
}

}  // namespace kavi::net
