#include "lab.hpp"

#include <kavi/base/text.hpp>

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <map>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::lab;

namespace {

std::string amz_date(std::time_t time) {
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    char text[20];
    std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &parts);
    return text;
}

/// Signs requests of the simplest kind: what the tests send needs no encoding.
struct S3 {
    using Headers = std::map<std::string, std::string>;

    S3Seed seed;
    Lab lab;
    Client api;
    std::time_t shift = 0;
    std::string secret = seed.secret_key, key = seed.access_key;

    S3() : lab(config()), api(lab, "s3") {}

    static LabApisConfig config() {
        LabApisConfig config;
        config.s3.buckets = {"backups"};
        return config;
    }

    Reply send(const std::string& method,
               const std::string& path,
               const std::string& query = {},
               const std::string& body = {},
               Headers headers = {}) {
        headers["host"] = fmt::format("127.0.0.1:{}", lab.apis.port("s3"));
        headers["x-amz-date"] = amz_date(std::time(nullptr) + shift);
        headers.emplace("x-amz-content-sha256", hex(sha256(body)));
        httplib::Headers sent;
        for (const auto& [name, value] : headers)
            if (name != "host") sent.emplace(name, value);
        sent.emplace("Authorization", authorization(method, path, query, headers));
        return api.send(method, query.empty() ? path : path + "?" + query, body, sent, "binary/octet-stream");
    }

    std::string authorization(const std::string& method,
                              const std::string& path,
                              const std::string& query,
                              const Headers& headers) const {
        std::string lines, names;
        for (const auto& [name, value] : headers) {
            lines += name + ":" + value + "\n";
            names += (names.empty() ? "" : ";") + name;
        }
        auto pairs = split(query, '&');
        for (auto& pair : pairs)
            if (!pair.empty() && pair.find('=') == pair.npos) pair += "=";
        std::ranges::sort(pairs);
        const auto request = method + "\n" + path + "\n" + join(pairs, "&") + "\n" + lines + "\n" + names +
                             "\n" + headers.at("x-amz-content-sha256");
        const auto day = headers.at("x-amz-date").substr(0, 8);
        const auto scope = day + "/nbg1/s3/aws4_request";
        const auto text =
            "AWS4-HMAC-SHA256\n" + headers.at("x-amz-date") + "\n" + scope + "\n" + hex(sha256(request));
        auto signing = hmac_sha256("AWS4" + secret, day);
        for (const auto* part : {"nbg1", "s3", "aws4_request"}) signing = hmac_sha256(signing, part);
        return "AWS4-HMAC-SHA256 Credential=" + key + "/" + scope + ", SignedHeaders=" + names +
               ", Signature=" + hex(hmac_sha256(signing, text));
    }

    Reply put(const std::string& path, const std::string& body, Headers headers = {}) {
        return send("PUT", path, {}, body, std::move(headers));
    }

    Reply get(const std::string& path, const std::string& query = {}, Headers headers = {}) {
        return send("GET", path, query, {}, std::move(headers));
    }
};

std::string within(const std::string& text, const std::string& name) {
    const auto begin = text.find("<" + name + ">"), end = text.find("</" + name + ">");
    if (begin == text.npos || end == text.npos) return {};
    return text.substr(begin + name.size() + 2, end - begin - name.size() - 2);
}

std::string code(const Reply& reply) {
    return within(reply.body, "Code");
}

std::vector<std::string> keys(const Reply& reply) {
    std::vector<std::string> found;
    for (auto at = reply.body.find("<Key>"); at != std::string::npos; at = reply.body.find("<Key>", at + 1))
        found.push_back(reply.body.substr(at + 5, reply.body.find("</Key>", at) - at - 5));
    return found;
}

}  // namespace

TEST_CASE("an object is put, read in part and deleted") {
    S3 s3;
    const auto put = s3.put("/backups/a/b.age", "0123456789", {{"x-amz-meta-kind", "dump"}});
    CHECK(put.status == 200);
    CHECK(put.header("ETag") == "\"781e5e245d69b566979b86e28d23f2c7\"");
    const auto whole = s3.get("/backups/a/b.age");
    CHECK(whole.body == "0123456789");
    CHECK(whole.header("x-amz-meta-kind") == "dump");
    const auto head = s3.send("HEAD", "/backups/a/b.age");
    CHECK(head.status == 200);
    CHECK(head.header("Content-Length") == "10");

    struct Case {
        const char *range, *body, *answered;
    };

    for (const auto& c : {Case{"bytes=2-4", "234", "bytes 2-4/10"},
                          Case{"bytes=7-", "789", "bytes 7-9/10"},
                          Case{"bytes=-2", "89", "bytes 8-9/10"},
                          Case{"bytes=8-99", "89", "bytes 8-9/10"}}) {
        const auto part = s3.get("/backups/a/b.age", {}, {{"range", c.range}});
        CAPTURE(c.range);
        CHECK(part.status == 206);
        CHECK(part.body == c.body);
        CHECK(part.header("Content-Range") == c.answered);
    }
    CHECK(code(s3.get("/backups/a/b.age", {}, {{"range", "bytes=10-"}})) == "InvalidRange");
    CHECK(code(s3.get("/backups/none", {}, {{"range", "bytes=1-2"}})) == "NoSuchKey");
    CHECK(s3.send("DELETE", "/backups/a/b.age").status == 204);
    CHECK(code(s3.get("/backups/a/b.age")) == "NoSuchKey");
}

TEST_CASE("what a signature must fit") {
    S3 wrong_secret, wrong_key, late, body;
    wrong_secret.secret = "other";
    CHECK(code(wrong_secret.get("/backups")) == "SignatureDoesNotMatch");
    wrong_key.key = "NOBODY";
    CHECK(code(wrong_key.get("/backups")) == "InvalidAccessKeyId");
    late.shift = -1000;
    CHECK(code(late.get("/backups")) == "RequestTimeTooSkewed");
    CHECK(code(body.put("/backups/x", "text", {{"x-amz-content-sha256", hex(sha256("other"))}})) ==
          "XAmzContentSHA256Mismatch");
    CHECK(body.put("/backups/x", "text", {{"x-amz-content-sha256", "UNSIGNED-PAYLOAD"}}).status == 200);
    CHECK(code(body.api.get("/backups")) == "AccessDenied");
}

TEST_CASE("a signature made by libcurl is taken") {
    S3 s3;
    s3.put("/backups/one", "text");
    auto* curl = curl_easy_init();
    REQUIRE(curl != nullptr);
    const auto url = s3.lab.apis.url("s3") + "/backups/one", user = s3.key + ":" + s3.secret;
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_USERPWD, user.c_str());
    curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, "aws:amz:nbg1:s3");
    auto* headers = curl_slist_append(nullptr, "x-amz-content-sha256: UNSIGNED-PAYLOAD");
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    std::string body;
    const auto write = +[](char* data, std::size_t, std::size_t size, std::string* out) {
        out->append(data, size);
        return size;
    };
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, write);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    CHECK(curl_easy_perform(curl) == CURLE_OK);
    CHECK(body == "text");
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
}

TEST_CASE("conditions on writing") {
    S3 s3;
    CHECK(s3.put("/backups/once", "1", {{"if-none-match", "*"}}).status == 200);
    CHECK(code(s3.put("/backups/once", "2", {{"if-none-match", "*"}})) == "PreconditionFailed");
    CHECK(code(s3.put("/backups/once", "2", {{"if-match", "\"other\""}})) == "PreconditionFailed");
    CHECK(code(s3.put("/backups/x", "2", {{"content-md5", "1B2M2Y8AsgTpgAmY7PhCfg=="}})) == "BadDigest");
    CHECK(s3.get("/backups/once").body == "1");
}

TEST_CASE("a list in pages, and by folders") {
    S3 s3;
    for (const auto* key : {"a/1", "a/2", "b/1", "c"}) s3.put(std::string("/backups/") + key, key);
    CHECK(keys(s3.get("/backups", "list-type=2")) == std::vector<std::string>{"a/1", "a/2", "b/1", "c"});
    CHECK(keys(s3.get("/backups", "list-type=2&prefix=a%2F")) == std::vector<std::string>{"a/1", "a/2"});
    const auto folders = s3.get("/backups", "delimiter=%2F&list-type=2");
    CHECK(keys(folders) == std::vector<std::string>{"c"});
    CHECK(within(folders.body, "KeyCount") == "3");
    std::vector<std::string> all;
    std::string token;
    do {
        const auto page =
            s3.get("/backups",
                   (token.empty() ? "" : "continuation-token=" + token + "&") + "list-type=2&max-keys=3");
        for (const auto& key : keys(page)) all.push_back(key);
        token = within(page.body, "NextContinuationToken");
        std::string encoded;
        for (const char c : token) encoded += c == '=' ? std::string("%3D") : std::string(1, c);
        token = encoded;
    } while (!token.empty());
    CHECK(all == std::vector<std::string>{"a/1", "a/2", "b/1", "c"});
}

TEST_CASE("an upload in parts") {
    S3 s3;
    const auto id = within(s3.send("POST", "/backups/big", "uploads").body, "UploadId");
    REQUIRE_FALSE(id.empty());
    const auto upload = "uploadId=" + [&] {
        auto text = id;
        text.replace(text.find('~'), 1, "~");
        return text;
    }();
    const std::string first(5 * 1024 * 1024, 'a'), last = "end";
    const auto one = s3.send("PUT", "/backups/big", "partNumber=1&" + upload, first).header("ETag");
    const auto two = s3.send("PUT", "/backups/big", "partNumber=2&" + upload, last).header("ETag");
    const auto part = [](int number, const std::string& tag) {
        return fmt::format("<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", number, tag);
    };
    const auto finish = [&](const std::string& parts) {
        return s3.send("POST",
                       "/backups/big",
                       upload,
                       "<CompleteMultipartUpload>" + parts + "</CompleteMultipartUpload>");
    };
    CHECK(code(finish(part(2, two) + part(1, one))) == "InvalidPartOrder");
    CHECK(code(finish(part(1, two))) == "InvalidPart");
    CHECK(s3.get("/backups/big").status == 404);
    const auto done = finish(part(1, one) + part(2, two));
    CHECK(done.status == 200);
    CHECK_THAT(within(done.body, "ETag"), ContainsSubstring("-2"));
    CHECK(s3.get("/backups/big").body == first + last);
    CHECK(code(finish(part(1, one))) == "NoSuchUpload");

    const auto small = "uploadId=" + within(s3.send("POST", "/backups/big", "uploads").body, "UploadId");
    const auto a = s3.send("PUT", "/backups/big", "partNumber=1&" + small, "x").header("ETag");
    const auto b = s3.send("PUT", "/backups/big", "partNumber=2&" + small, "y").header("ETag");
    CHECK(code(s3.send("POST", "/backups/big", small, "<C>" + part(1, a) + part(2, b) + "</C>")) ==
          "EntityTooSmall");
    CHECK(s3.send("DELETE", "/backups/big", small).status == 204);
    CHECK(within(s3.get("/backups", "uploads").body, "UploadId").empty());
}

TEST_CASE("versions and their locks") {
    S3 s3;
    CHECK(s3.put("/locked", "", {{"x-amz-bucket-object-lock-enabled", "true"}}).status == 200);
    CHECK(within(s3.get("/locked", "versioning").body, "Status") == "Enabled");
    const std::string rule =
        "<ObjectLockConfiguration><Rule><DefaultRetention><Mode>COMPLIANCE</Mode><Days>30</Days>"
        "</DefaultRetention></Rule></ObjectLockConfiguration>";
    CHECK(s3.send("PUT", "/locked", "object-lock", rule).status == 200);
    const auto first = s3.put("/locked/x", "1").header("x-amz-version-id");
    const auto second = s3.put("/locked/x", "2").header("x-amz-version-id");
    CHECK(s3.get("/locked/x").body == "2");
    CHECK(s3.get("/locked/x", "versionId=" + first).body == "1");
    CHECK(within(s3.get("/locked/x", "retention").body, "Mode") == "COMPLIANCE");

    CHECK(s3.send("DELETE", "/locked/x").header("x-amz-delete-marker") == "true");
    CHECK(code(s3.get("/locked/x")) == "NoSuchKey");
    CHECK(s3.get("/locked/x", "versionId=" + second).body == "2");
    for (const auto& headers : {S3::Headers{}, S3::Headers{{"x-amz-bypass-governance-retention", "true"}}})
        CHECK(code(s3.send("DELETE", "/locked/x", "versionId=" + second, {}, headers)) == "AccessDenied");
    const auto weaker =
        "<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></"
        "Retention>";
    CHECK(code(s3.send("PUT", "/locked/x", "retention&versionId=" + first, weaker)) == "AccessDenied");
    const auto versions = s3.get("/locked", "versions").body;
    CHECK(versions.find("<DeleteMarker>") < versions.find("<Version>"));
    CHECK(code(s3.send("DELETE", "/locked")) == "BucketNotEmpty");

    const S3::Headers governed{{"x-amz-object-lock-mode", "GOVERNANCE"},
                               {"x-amz-object-lock-retain-until-date", "2099-01-01T00:00:00Z"}};
    CHECK(code(s3.put("/backups/y", "1", governed)) == "InvalidRequest");
    const auto held = s3.put("/locked/y", "1", governed).header("x-amz-version-id");
    CHECK(code(s3.send("DELETE", "/locked/y", "versionId=" + held)) == "AccessDenied");
    CHECK(
        s3.send(
              "DELETE", "/locked/y", "versionId=" + held, {}, {{"x-amz-bypass-governance-retention", "true"}})
            .status == 204);
}

TEST_CASE("buckets, and many objects deleted at once") {
    S3 s3;
    CHECK(code(s3.put("/Bad_Name", "")) == "InvalidBucketName");
    CHECK(code(s3.put("/backups", "")) == "BucketAlreadyOwnedByYou");
    CHECK(s3.put("/second", "").status == 200);
    CHECK_THAT(s3.get("/").body, ContainsSubstring("<Name>second</Name>"));
    s3.put("/second/a", "1");
    s3.put("/second/b", "2");
    const auto done = s3.send("POST",
                              "/second",
                              "delete",
                              "<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>");
    CHECK(keys(done) == std::vector<std::string>{"a", "b"});
    CHECK(s3.send("DELETE", "/second").status == 204);
    CHECK(code(s3.get("/second", "list-type=2")) == "NoSuchBucket");
}
