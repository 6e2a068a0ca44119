#include <kavi/api/s3.hpp>
#include <kavi/api/s3_xml.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <charconv>
#include <utility>

namespace kavi::api {

namespace {

using std::chrono::milliseconds;

constexpr int attempts = 5;
constexpr milliseconds first_wait = std::chrono::seconds(1);
/// Of one exchange, 16 MiB of body included.
constexpr milliseconds longest_exchange = std::chrono::minutes(10);

std::uint64_t number_of(std::string_view text) {
    std::uint64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

std::string header_of(const net::Response& response, std::string_view name) {
    return std::string(response.header(name).value_or(""));
}

bool worth_repeating(const net::Response& response) {
    return response.status == 429 || response.status >= 500 ||
           (response.status == 400 && xml_text(response.body, "Code") == "RequestTimeout");
}

bool worth_repeating(const net::NetworkError& error) {
    using enum net::NetworkFailure;
    const auto failure = error.failure();
    return failure == name_not_found || failure == refused || failure == timed_out || failure == broken;
}

bool is_success(const net::Response& response) {
    return response.status >= 200 && response.status < 300;
}

}  // namespace

S3Bucket::S3Bucket(
    net::Transport& transport, Clock& clock, S3Place place, S3Access access, std::stop_token stop)
    : transport_(transport),
      clock_(clock),
      place_(std::move(place)),
      access_(std::move(access)),
      stop_(std::move(stop)) {}

net::Request S3Bucket::request(std::string method, const std::string& key, const std::string& query) const {
    net::Request request;
    request.method = std::move(method);
    request.url = fmt::format("{}/{}", place_.endpoint, place_.bucket);
    if (!key.empty()) request.url += "/" + s3_encode(key, true);
    if (!query.empty()) request.url += "?" + query;
    request.timeout = longest_exchange;
    return request;
}

/// Each attempt is signed anew: a signature is good for minutes only.
net::Response S3Bucket::exchange(net::Request request) {
    const auto unsigned_headers = request.headers.size();
    auto wait = first_wait;
    for (int attempt = 1;; ++attempt, wait *= 2) {
        if (stop_.stop_requested()) throw Error(errors::interrupted, "interrupted");
        request.headers.resize(unsigned_headers);
        s3_sign(request, access_, clock_.now());
        try {
            auto response = transport_.send(request, stop_);
            if (attempt == attempts || !worth_repeating(response)) return response;
        } catch (const net::NetworkError& error) {
            if (attempt == attempts || !worth_repeating(error)) throw;
        }
        clock_.sleep_for(wait, stop_);
    }
}

net::Response S3Bucket::must(net::Request request, const std::string& doing) {
    auto response = exchange(std::move(request));
    if (!is_success(response)) throw refusal(response, doing);
    return response;
}

Error S3Bucket::refusal(const net::Response& response, const std::string& doing) const {
    const auto code = xml_text(response.body, "Code"), text = printable(xml_text(response.body, "Message"));
    const auto why = fmt::format(
        "{}{}{} (HTTP {})", code, text.empty() || code.empty() ? "" : ": ", text, response.status);
    const auto says = [&](ErrorCode kind, std::string advice = {}) {
        Error error(kind, fmt::format("{} in store {} failed", doing, place_.name));
        error.because(why);
        if (!advice.empty()) error.fix(std::move(advice));
        return error;
    };
    if (code == "QuotaExceeded" || response.status == 507) {
        Error error(errors::store_full, fmt::format("store {} is full", place_.name));
        return error.because(why).fix("prune old backups (`kavi backup prune`), or raise the quota");
    }
    if (code == "InvalidAccessKeyId" || code == "SignatureDoesNotMatch")
        return says(errors::credentials_refused,
                    "see that the access key and the secret key belong together and to this server");
    if (code == "RequestTimeTooSkewed") return says(errors::store_failed, "set this machine's clock");
    if (response.status == 403) return says(errors::rights_missing);
    if (code == "AuthorizationHeaderMalformed")
        return says(errors::store_failed, fmt::format("see that {} is the bucket's region", access_.region));
    return says(errors::store_failed);
}

std::vector<S3Object> S3Bucket::list(const std::string& prefix) {
    const auto doing = fmt::format("listing {}", prefix);
    std::vector<S3Object> found;
    std::string token;
    while (true) {
        auto query = "encoding-type=url&list-type=2&prefix=" + s3_encode(prefix);
        if (!token.empty()) query = "continuation-token=" + s3_encode(token) + "&" + query;
        const auto page = must(request("GET", {}, query), doing).body;
        for (const auto content : xml_elements(page, "Contents"))
            found.push_back({s3_decode(xml_text(content, "Key")), number_of(xml_text(content, "Size"))});
        if (xml_text(page, "IsTruncated") != "true") return found;
        auto next = xml_text(page, "NextContinuationToken");
        if (next.empty() || next == token)
            throw Error(errors::store_failed, fmt::format("{} in store {} failed", doing, place_.name))
                .because("the list has no end");
        token = std::move(next);
    }
}

/// One page has 1000, far more than there ever should be; the rest shows once these are abandoned.
std::vector<S3PendingUpload> S3Bucket::pending(const std::string& prefix) {
    const auto page =
        must(request("GET", {}, "prefix=" + s3_encode(prefix) + "&uploads="), "listing uploads").body;
    std::vector<S3PendingUpload> found;
    for (const auto upload : xml_elements(page, "Upload")) {
        S3PendingUpload one{xml_text(upload, "Key"), xml_text(upload, "UploadId")};
        if (one.key.starts_with(prefix)) found.push_back(std::move(one));
    }
    return found;
}

std::optional<std::uint64_t> S3Bucket::size(const std::string& key) {
    const auto response = exchange(request("HEAD", key));
    if (response.status == 404) return {};
    if (!is_success(response)) throw refusal(response, fmt::format("looking at {}", key));
    return number_of(header_of(response, "content-length"));
}

std::optional<S3Piece> S3Bucket::get(const std::string& key,
                                     std::uint64_t offset,
                                     std::uint64_t count,
                                     const std::string& etag) {
    auto asked = request("GET", key);
    asked.headers.push_back({"range", fmt::format("bytes={}-{}", offset, offset + count - 1)});
    if (!etag.empty()) asked.headers.push_back({"if-match", etag});
    auto response = exchange(std::move(asked));
    const auto doing = fmt::format("reading {}", key);
    if (response.status == 404 && xml_text(response.body, "Code") != "NoSuchBucket") return {};
    if (response.status == 416) return S3Piece{.total = offset};
    if (response.status == 412)
        throw Error(errors::store_failed, fmt::format("{} in store {} failed", doing, place_.name))
            .because("it was replaced in the midst of reading");
    if (!is_success(response)) throw refusal(response, doing);
    S3Piece piece{.etag = header_of(response, "etag")};
    const auto range = header_of(response, "content-range");  // "bytes 2-4/10"
    if (response.status == 206) {
        piece.total = number_of(std::string_view(range).substr(range.find('/') + 1));
        piece.bytes = std::move(response.body);
    } else {
        piece.total = response.body.size();  // a server without ranges gave all of it
        if (offset < piece.total) piece.bytes = response.body.substr(offset, count);
    }
    return piece;
}

void S3Bucket::put(const std::string& key, std::string bytes) {
    auto asked = request("PUT", key);
    asked.body = std::move(bytes);
    must(std::move(asked), fmt::format("writing {}", key));
}

void S3Bucket::remove(const std::string& key) {
    const auto response = exchange(request("DELETE", key));
    if (!is_success(response) && response.status != 404)
        throw refusal(response, fmt::format("removing {}", key));
}

std::string S3Bucket::begin(const std::string& key) {
    auto asked = request("POST", key, "uploads=");
    asked.repeatable = true;  // one begun twice is seen by pending()
    const auto doing = fmt::format("beginning {}", key);
    const auto id = xml_text(must(std::move(asked), doing).body, "UploadId");
    if (id.empty())
        throw Error(errors::store_failed, fmt::format("{} in store {} failed", doing, place_.name))
            .because("the answer names no upload");
    return id;
}

std::string S3Bucket::put_part(const std::string& key, const std::string& id, int number, std::string bytes) {
    auto asked = request("PUT", key, fmt::format("partNumber={}&uploadId={}", number, s3_encode(id)));
    asked.body = std::move(bytes);
    return header_of(must(std::move(asked), fmt::format("writing part {} of {}", number, key)), "etag");
}

/// Its answer may be 200 and an error all the same. What was done already when it is sent again is told by
/// the size.
void S3Bucket::complete(const std::string& key,
                        const std::string& id,
                        const std::vector<std::string>& tags,
                        std::uint64_t bytes) {
    auto asked = request("POST", key, "uploadId=" + s3_encode(id));
    asked.body = "<CompleteMultipartUpload>";
    for (std::size_t i = 0; i < tags.size(); ++i)
        asked.body += fmt::format(
            "<Part><PartNumber>{}</PartNumber><ETag>{}</ETag></Part>", i + 1, xml_escape(tags[i]));
    asked.body += "</CompleteMultipartUpload>";
    asked.repeatable = true;
    const auto response = exchange(std::move(asked));
    if (is_success(response) && xml_text(response.body, "Code").empty()) return;
    if (size(key) != bytes) throw refusal(response, fmt::format("completing {}", key));
}

void S3Bucket::abandon(const std::string& key, const std::string& id) {
    const auto response = exchange(request("DELETE", key, "uploadId=" + s3_encode(id)));
    if (!is_success(response) && response.status != 404)
        throw refusal(response, fmt::format("abandoning the upload of {}", key));
}

}  // namespace kavi::api
