#include "support/catch.hpp"
#include "support/errors.hpp"

#include <kavi/api/s3.hpp>
#include <kavi/api/s3_xml.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <deque>
#include <functional>

using namespace kavi;
using namespace kavi::api;
using net::NetworkError;
using net::NetworkFailure;
using net::Request;
using net::Response;
using test::causes;
using test::error_of;

namespace {

std::string header_of(const Request& request, std::string_view name) {
    for (const auto& header : request.headers)
        if (lower(header.name) == name) return header.value;
    return {};
}

/// Amazon's own examples ("Signature Calculations for the Authorization Header", Amazon S3 API reference).
const S3Access example{
    "AKIAIOSFODNN7EXAMPLE", Secret("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), "us-east-1"};
const auto example_time = std::chrono::system_clock::from_time_t(1369353600);  // 2013-05-24T00:00:00Z

/// Gives one scripted answer after the other.
class Script final : public net::Transport {
  public:
    std::deque<std::function<Response()>> answers;
    std::vector<Request> sent;

    Response send(const Request& request, std::stop_token) override {
        sent.push_back(request);
        if (answers.empty()) throw std::logic_error("no answer is left for " + request.url);
        const auto answer = answers.front();
        answers.pop_front();
        return answer();
    }

    void answer(int status, std::string body = {}, std::vector<net::Header> headers = {}) {
        answers.push_back([=] { return Response{.status = status, .headers = headers, .body = body}; });
    }

    void fail(NetworkFailure failure) {
        answers.push_back([=]() -> Response { throw NetworkError(failure, true, "broken"); });
    }
};

struct Rig {
    Script http;
    ManualClock clock{example_time};
    S3Bucket bucket{
        http, clock, {"box", "https://nbg1.example", "backups"}, {"KEY", Secret("hush"), "nbg1"}, {}};

    std::chrono::seconds waited() const {
        return std::chrono::duration_cast<std::chrono::seconds>(clock.now() - example_time);
    }
};

std::string refusal_xml(const std::string& code) {
    return "<?xml version=\"1.0\"?><Error><Code>" + code +
           "</Code><Message>It isn&apos;t &lt;so&gt;</Message></Error>";
}

}  // namespace

TEST_CASE("requests are signed as Amazon's examples are") {
    struct Case {
        const char *method, *url, *body;
        std::vector<net::Header> headers;
        const char *names, *signature;
    };

    for (const auto& c : {
             Case{"GET",
                  "https://examplebucket.s3.amazonaws.com/test.txt",
                  "",
                  {{"Range", "bytes=0-9"}},
                  "host;range;x-amz-content-sha256;x-amz-date",
                  "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
             Case{"PUT",
                  "https://examplebucket.s3.amazonaws.com/test%24file.text",
                  "Welcome to Amazon S3.",
                  {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
                  "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                  "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
             Case{"GET",
                  "https://examplebucket.s3.amazonaws.com/?lifecycle",
                  "",
                  {},
                  "host;x-amz-content-sha256;x-amz-date",
                  "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
             Case{"GET",
                  "https://examplebucket.s3.amazonaws.com/?prefix=J&max-keys=2",
                  "",
                  {},
                  "host;x-amz-content-sha256;x-amz-date",
                  "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
         }) {
        CAPTURE(c.url);
        Request request{.method = c.method, .url = c.url, .headers = c.headers, .body = c.body};
        s3_sign(request, example, example_time);
        CHECK(header_of(request, "x-amz-date") == "20130524T000000Z");
        CHECK(header_of(request, "x-amz-content-sha256") == hex(sha256(c.body)));
        CHECK(header_of(request, "authorization") ==
              std::string(
                  "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
                  "SignedHeaders=") +
                  c.names + ", Signature=" + c.signature);
    }
}

TEST_CASE("keys and queries are encoded, and back") {
    CHECK(s3_encode("a/b c+ä~_-.") == "a%2Fb%20c%2B%C3%A4~_-.");
    CHECK(s3_encode("a/b c", true) == "a/b%20c");
    CHECK(s3_decode("a%2Fb%20c%2b") == "a/b c+");
    for (const auto* odd : {"%", "%4", "%zz", "a%", ""}) CHECK(s3_decode(odd) == odd);
    CHECK(s3_decode("%4%41") == "%4A");
}

TEST_CASE("S3's answers are taken apart") {
    const std::string document =
        "<L><C><Key>a&amp;lt;&lt;b&gt;&quot;&apos;&#34;</Key></C><C><Key></Key></C></L>";
    CHECK(xml_elements(document, "C").size() == 2);
    CHECK(xml_text(document, "Key") == "a&lt;<b>\"'\"");
    CHECK(xml_text(document, "None").empty());
    CHECK(xml_elements("<Key>cut off", "Key").empty());
    CHECK(xml_escape("<a & \"b\">") == "&lt;a &amp; &quot;b&quot;&gt;");
}

TEST_CASE("pages of a list are followed to their end") {
    Rig rig;
    rig.http.answer(200,
                    "<R><IsTruncated>true</IsTruncated><NextContinuationToken>t/1=</NextContinuationToken>"
                    "<Contents><Key>a%2Bb</Key><Size>5</Size></Contents></R>");
    rig.http.answer(200,
                    "<R><IsTruncated>false</IsTruncated><Contents><Key>c</Key><Size>18446744073709551615</"
                    "Size></Contents></R>");
    const auto found = rig.bucket.list("k/");
    REQUIRE(found.size() == 2);
    CHECK(found[0].key == "a+b");
    CHECK(found[1].bytes == ~std::uint64_t{0});
    CHECK(rig.http.sent[0].url == "https://nbg1.example/backups?encoding-type=url&list-type=2&prefix=k%2F");
    CHECK(
        rig.http.sent[1].url ==
        "https://nbg1.example/backups?continuation-token=t%2F1%3D&encoding-type=url&list-type=2&prefix=k%2F");

    for (const auto* token : {"", "<NextContinuationToken>same</NextContinuationToken>"}) {
        Rig endless;
        for (int i = 0; i < 3; ++i)
            endless.http.answer(200, std::string("<R><IsTruncated>true</IsTruncated>") + token + "</R>");
        const auto error = error_of([&] { endless.bucket.list(""); });
        CHECK(error.code() == errors::store_failed);
        CHECK(causes(error) == "the list has no end");
    }
}

TEST_CASE("what may be is sent again, signed anew, and no more than five times") {
    SECTION("it goes well in the end") {
        Rig rig;
        rig.http.answer(503, refusal_xml("SlowDown"));
        rig.http.fail(NetworkFailure::broken);
        rig.http.answer(500);
        rig.http.answer(200);
        rig.bucket.put("a", "body");
        CHECK(rig.waited() == std::chrono::seconds(7));
        REQUIRE(rig.http.sent.size() == 4);
        CHECK(rig.http.sent[3].body == "body");
        CHECK(rig.http.sent[3].headers.size() == 3);
        CHECK(header_of(rig.http.sent[0], "x-amz-date") == "20130524T000000Z");
        CHECK(header_of(rig.http.sent[3], "x-amz-date") == "20130524T000007Z");
    }
    SECTION("it doesn't") {
        Rig rig;
        for (int i = 0; i < 5; ++i) rig.http.answer(503, refusal_xml("SlowDown"));
        const auto error = error_of([&] { rig.bucket.put("a", "body"); });
        CHECK(error.message() == "writing a in store box failed");
        CHECK(causes(error) == "SlowDown: It isn't <so> (HTTP 503)");
        CHECK(rig.waited() == std::chrono::seconds(15));
    }
    SECTION("a certificate won't get better") {
        Rig rig;
        rig.http.fail(NetworkFailure::tls);
        CHECK(error_of([&] { rig.bucket.put("a", ""); }).code() == errors::network_failed);
        CHECK(rig.http.sent.size() == 1);
    }
}

TEST_CASE("refusals say what they are") {
    struct Case {
        int status;
        const char* code;
        ErrorCode kind;
        const char* message;
        const char* advice;
    };

    for (const auto& c : {
             Case{403,
                  "InvalidAccessKeyId",
                  errors::credentials_refused,
                  "writing a in store box failed",
                  "see that the access key and the secret key belong together and to this server"},
             Case{403,
                  "SignatureDoesNotMatch",
                  errors::credentials_refused,
                  "writing a in store box failed",
                  "see that the access key and the secret key belong together and to this server"},
             Case{403, "AccessDenied", errors::rights_missing, "writing a in store box failed", ""},
             Case{403,
                  "RequestTimeTooSkewed",
                  errors::store_failed,
                  "writing a in store box failed",
                  "set this machine's clock"},
             Case{403,
                  "QuotaExceeded",
                  errors::store_full,
                  "store box is full",
                  "prune old backups (`kavi backup prune`), or raise the quota"},
             Case{400,
                  "AuthorizationHeaderMalformed",
                  errors::store_failed,
                  "writing a in store box failed",
                  "see that nbg1 is the bucket's region"},
             Case{404, "NoSuchBucket", errors::store_failed, "writing a in store box failed", ""},
         }) {
        CAPTURE(c.code);
        Rig rig;
        rig.http.answer(c.status, refusal_xml(c.code));
        const auto error = error_of([&] { rig.bucket.put("a", ""); });
        CHECK(error.code() == c.kind);
        CHECK(error.message() == c.message);
        CHECK(causes(error) ==
              std::string(c.code) + ": It isn't <so> (HTTP " + std::to_string(c.status) + ")");
        CHECK(error.advice() == c.advice);
    }
    Rig rig;
    rig.http.answer(404, refusal_xml("NoSuchBucket"));
    CHECK(error_of([&] { rig.bucket.get("a", 0, 1); }).code() == errors::store_failed);
}

TEST_CASE("a completion that says 200 and an error is an error, and one that took effect unseen is none") {
    Rig rig;
    rig.http.answer(200, refusal_xml("InternalError"));
    rig.http.answer(404);
    CHECK(causes(error_of([&] { rig.bucket.complete("a", "id", {"\"tag&\""}, 9); })) ==
          "InternalError: It isn't <so> (HTTP 200)");
    CHECK(rig.http.sent[0].body ==
          "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>&quot;tag&amp;&quot;</ETag></Part>"
          "</CompleteMultipartUpload>");

    rig.http.fail(NetworkFailure::broken);
    rig.http.answer(404, refusal_xml("NoSuchUpload"));
    rig.http.answer(200, "", {{"Content-Length", "9"}});
    CHECK_NOTHROW(rig.bucket.complete("a", "id", {"t"}, 9));

    rig.http.answer(404, refusal_xml("NoSuchUpload"));
    rig.http.answer(200, "", {{"Content-Length", "8"}});
    CHECK(causes(error_of([&] { rig.bucket.complete("a", "id", {"t"}, 9); })) ==
          "NoSuchUpload: It isn't <so> (HTTP 404)");
}

TEST_CASE("parts of objects come with their size, whatever the server makes of ranges") {
    Rig rig;
    rig.http.answer(206, "234", {{"Content-Range", "bytes 2-4/10"}, {"ETag", "\"x\""}});
    auto piece = rig.bucket.get("a/b", 2, 3, "\"x\"");
    REQUIRE(piece);
    CHECK(piece->bytes == "234");
    CHECK(piece->total == 10);
    CHECK(piece->etag == "\"x\"");
    CHECK(header_of(rig.http.sent[0], "range") == "bytes=2-4");
    CHECK(header_of(rig.http.sent[0], "if-match") == "\"x\"");
    CHECK(rig.http.sent[0].url == "https://nbg1.example/backups/a/b");

    rig.http.answer(200, "0123456789");
    piece = rig.bucket.get("a", 2, 3);
    CHECK(piece->bytes == "234");
    CHECK(piece->total == 10);
    rig.http.answer(200, "0123456789");
    CHECK(rig.bucket.get("a", 10, 3)->bytes.empty());

    rig.http.answer(416, refusal_xml("InvalidRange"));
    CHECK(rig.bucket.get("a", 10, 3)->bytes.empty());
    rig.http.answer(404, refusal_xml("NoSuchKey"));
    CHECK_FALSE(rig.bucket.get("a", 0, 3));
    rig.http.answer(412, refusal_xml("PreconditionFailed"));
    CHECK(causes(error_of([&] { rig.bucket.get("a", 0, 3, "\"x\""); })) ==
          "it was replaced in the midst of reading");
}
