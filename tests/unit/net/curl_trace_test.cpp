#include <kavi/net/curl_trace.hpp>

#include <support/catch.hpp>

using namespace kavi::net;

TEST_CASE("secrets don't reach the trace, however curl writes them") {
    const Redactor redactor({.url = {},
                             .headers = {{"Authorization", "Bearer eyJhbGciOi.J9"},
                                         {"X-Auth-Token", "tok-123456"},
                                         {"Accept", "application/json"},
                                         {"Cookie", "short"}}});

    struct Case {
        const char *line, *expected;
    };

    const auto c = GENERATE(values<Case>({
        {"Authorization: Bearer abc.def", "Authorization: ***"},
        {"AUTHORIZATION:Basic dXNlcjpwdw==", "AUTHORIZATION: ***"},
        {"h2h3 [authorization: Bearer abc]", "h2h3 [authorization: ***"},
        {"[HTTP/2] [1] [authorization: Bearer abc]", "[HTTP/2] [1] [authorization: ***"},
        {"set-cookie: session=abc; Path=/", "set-cookie: ***"},
        {"x-api-key: k", "x-api-key: ***"},
        {"Accept: application/json", "Accept: application/json"},
        {"Content-Length: 12", "Content-Length: 12"},
        {"GET /v1/servers?page=2&per_page=50 HTTP/1.1", "GET /v1/servers?page=2&per_page=50 HTTP/1.1"},
        {"GET /o?X-Amz-Signature=ff00&X-Amz-Date=2026 HTTP/1.1",
         "GET /o?X-Amz-Signature=***&X-Amz-Date=2026 HTTP/1.1"},
        {"h2h3 [:path: /o?access_token=ff00]", "h2h3 [:path: /o?access_token=***]"},
        {"something eyJhbGciOi.J9 odd", "something *** odd"},
        {"twice tok-123456tok-123456.", "twice ******."},
        {"< \x1b[2Jhello", "< hello"},
        {"a=", "a="},
        {"", ""},
    }));
    CHECK(redactor.redact(c.line) == c.expected);
}
