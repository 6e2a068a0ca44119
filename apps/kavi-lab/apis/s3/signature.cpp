#include "signature.hpp"

#include "problem.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <ctime>

namespace kavi::lab::s3 {
namespace {

/// The parts of a signature, wherever they stood.
struct Signed {
    std::string key, date, region, service, time, signature, payload;
    std::vector<std::string> headers;
    bool in_query = false;
};

Signed of_credential(const std::string& credential) {
    const auto parts = split(credential, '/');
    if (parts.size() != 5 || parts[4] != "aws4_request") throw problem("AuthorizationHeaderMalformed");
    return {.key = parts[0], .date = parts[1], .region = parts[2], .service = parts[3]};
}

/// "Credential=…, SignedHeaders=a;b, Signature=…" after the algorithm.
Signed of_header(const Call& call, const std::string& header) {
    std::map<std::string, std::string> fields;
    for (const auto& piece : split(header.substr(header.find(' ') + 1), ',')) {
        const auto field = trim(piece);
        const auto equals = field.find('=');
        if (equals != field.npos) fields[std::string(field.substr(0, equals))] = field.substr(equals + 1);
    }
    auto found = of_credential(fields["Credential"]);
    found.headers = split(fields["SignedHeaders"], ';');
    found.signature = fields["Signature"];
    found.time = call.header("x-amz-date").value_or("");
    found.payload = call.header("x-amz-content-sha256").value_or("");
    return found;
}

Signed of_query(const Call& call) {
    auto found = of_credential(call.parameter("X-Amz-Credential").value_or(""));
    found.headers = split(call.parameter("X-Amz-SignedHeaders").value_or(""), ';');
    found.signature = call.parameter("X-Amz-Signature").value_or("");
    found.time = call.parameter("X-Amz-Date").value_or("");
    found.payload = "UNSIGNED-PAYLOAD";
    found.in_query = true;
    return found;
}

std::string canonical_query(const Call& call) {
    std::vector<std::string> pairs;
    for (const auto& [name, value] : call.query)
        if (name != "X-Amz-Signature")
            pairs.push_back(uri_encode(name, false) + "=" + uri_encode(value, false));
    std::ranges::sort(pairs);
    return join(pairs, "&");
}

/// A header's value with inner blanks folded.
std::string folded(std::string_view value) {
    std::string out;
    for (const char c : trim(value))
        if (c != ' ' || out.empty() || out.back() != ' ') out += c;
    return out;
}

std::string canonical_request(const Call& call, const Signed& given) {
    std::string headers;
    for (const auto& name : given.headers)
        headers += name + ":" + folded(call.header(name).value_or("")) + "\n";
    const auto path = uri_encode(percent_decode(call.raw_path, false), true);
    return call.method + "\n" + path + "\n" + canonical_query(call) + "\n" + headers + "\n" +
           join(given.headers, ";") + "\n" + given.payload;
}

std::string expected_signature(const Call& call, const Signed& given, const std::string& secret) {
    const auto scope = given.date + "/" + given.region + "/" + given.service + "/aws4_request";
    const auto text =
        "AWS4-HMAC-SHA256\n" + given.time + "\n" + scope + "\n" + hex(sha256(canonical_request(call, given)));
    auto key = hmac_sha256("AWS4" + secret, given.date);
    for (const auto& part : {given.region, given.service, std::string("aws4_request")})
        key = hmac_sha256(key, part);
    return hex(hmac_sha256(key, text));
}

std::chrono::system_clock::time_point time_of(const std::string& text) {
    std::tm parts{};
    const auto* end = ::strptime(text.c_str(), "%Y%m%dT%H%M%SZ", &parts);
    if (end == nullptr || *end != '\0') throw problem("AccessDenied");
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

void check_time(const Call& call, const Signed& given) {
    if (!given.time.starts_with(given.date)) throw problem("AuthorizationHeaderMalformed");
    const auto age = std::chrono::system_clock::now() - time_of(given.time);
    if (!given.in_query) {
        if (std::chrono::abs(age) > std::chrono::minutes(15)) throw problem("RequestTimeTooSkewed");
        return;
    }
    const auto seconds = std::strtol(call.parameter("X-Amz-Expires").value_or("0").c_str(), nullptr, 10);
    if (age > std::chrono::seconds(seconds)) throw Problem{403, "AccessDenied", "Request has expired"};
}

void check_payload(const Call& call, const Signed& given) {
    if (given.payload == "UNSIGNED-PAYLOAD") return;
    if (given.payload.starts_with("STREAMING-")) throw problem("NotImplemented");
    if (given.payload != hex(sha256(call.body))) throw problem("XAmzContentSHA256Mismatch");
}

}  // namespace

void check_signature(const Call& call, const S3Seed& seed) {
    const auto header = call.header("authorization").value_or("");
    const bool in_query = call.parameter("X-Amz-Signature").has_value();
    if (header.empty() && !in_query) throw problem("AccessDenied");
    if (!in_query && !header.starts_with("AWS4-HMAC-SHA256 ")) throw problem("InvalidRequest");
    const auto given = in_query ? of_query(call) : of_header(call, header);
    if (given.key != seed.access_key) throw problem("InvalidAccessKeyId");
    const bool host_signed = std::ranges::find(given.headers, "host") != given.headers.end();
    const bool right_scope = given.service == "s3" && given.region == seed.region;
    if (!right_scope) throw problem("AuthorizationHeaderMalformed");
    check_time(call, given);
    if (!host_signed || given.signature != expected_signature(call, given, seed.secret_key))
        throw problem("SignatureDoesNotMatch");
    check_payload(call, given);
}

std::string uri_encode(std::string_view text, bool keep_slash) {
    std::string encoded;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain = (byte < 128 && std::isalnum(byte) != 0) || c == '-' || c == '_' || c == '.' ||
                           c == '~' || (keep_slash && c == '/');
        encoded += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
    }
    return encoded;
}

}  // namespace kavi::lab::s3
