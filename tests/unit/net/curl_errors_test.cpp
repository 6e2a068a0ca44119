#include <kavi/net/curl_errors.hpp>

#include <cerrno>

#include <support/catch.hpp>

using namespace kavi::net;

TEST_CASE("curl's ends in words and kinds") {
    struct Case {
        CURLcode code;
        long verify, system;
        const char* text;
        NetworkFailure failure;
        const char* why;
    };

    const auto c = GENERATE(values<Case>({
        {CURLE_COULDNT_RESOLVE_HOST,
         0,
         0,
         "x",
         NetworkFailure::name_not_found,
         "the name of api:443 wasn't found"},
        {CURLE_COULDNT_CONNECT,
         0,
         ECONNREFUSED,
         "x",
         NetworkFailure::refused,
         "connection refused by api:443"},
        {CURLE_COULDNT_CONNECT, 0, EHOSTUNREACH, "x", NetworkFailure::refused, "no route to api:443"},
        {CURLE_COULDNT_CONNECT, 0, 0, "text", NetworkFailure::refused, "no connection to api:443: text"},
        {CURLE_OPERATION_TIMEDOUT, 0, 0, "text", NetworkFailure::timed_out, "api:443 timed out: text"},
        {CURLE_PEER_FAILED_VERIFICATION,
         10,
         0,
         "x",
         NetworkFailure::tls,
         "the certificate of api:443 has expired"},
        {CURLE_PEER_FAILED_VERIFICATION,
         9,
         0,
         "x",
         NetworkFailure::tls,
         "the certificate of api:443 isn't valid yet"},
        {CURLE_PEER_FAILED_VERIFICATION,
         18,
         0,
         "x",
         NetworkFailure::tls,
         "the certificate of api:443 comes from an unknown CA"},
        {CURLE_PEER_FAILED_VERIFICATION,
         20,
         0,
         "x",
         NetworkFailure::tls,
         "the certificate of api:443 comes from an unknown CA"},
        {CURLE_PEER_FAILED_VERIFICATION,
         1,
         0,
         "SSL: no alternative certificate subject name matches target host name 'x'",
         NetworkFailure::tls,
         "the certificate shown isn't for api:443"},
        {CURLE_PEER_FAILED_VERIFICATION,
         7,
         0,
         "text",
         NetworkFailure::tls,
         "the certificate of api:443 can't be verified: text"},
        {CURLE_SSL_CONNECT_ERROR,
         0,
         0,
         "wrong version number",
         NetworkFailure::tls,
         "no TLS with api:443: wrong version number"},
        {CURLE_SSL_CONNECT_ERROR,
         0,
         0,
         "OpenSSL SSL_connect: Connection reset by peer",
         NetworkFailure::broken,
         "api:443 hung up during the TLS handshake"},
        {CURLE_SSL_CACERT_BADFILE,
         0,
         0,
         "text",
         NetworkFailure::tls,
         "the file of CA certificates can't be used: text"},
        {CURLE_PARTIAL_FILE, 0, 0, "text", NetworkFailure::broken, "the answer of api:443 was cut off: text"},
        {CURLE_RECV_ERROR, 0, 0, "text", NetworkFailure::broken, "the connection to api:443 broke: text"},
        {CURLE_HTTP2_STREAM, 0, 0, "text", NetworkFailure::broken, "the connection to api:443 broke: text"},
        {CURLE_RECV_ERROR,
         0,
         0,
         "",
         NetworkFailure::broken,
         "the connection to api:443 broke: Failure when receiving data from the peer"},
        {CURLE_OUT_OF_MEMORY, 0, 0, "text", NetworkFailure::other, "api:443: text"},
    }));
    const auto reason = failure_reason({.code = c.code,
                                        .verify_result = c.verify,
                                        .system_error = c.system,
                                        .text = c.text,
                                        .place = "api:443"});
    CHECK(reason.why == c.why);
    CHECK(reason.failure == c.failure);
}
