#include "problem.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace kavi::lab::s3 {
namespace {

struct Known {
    int status;
    std::string_view code, message;
};

constexpr std::array known{
    Known{400, "AuthorizationHeaderMalformed", "The authorization header is malformed"},
    Known{400, "BadDigest", "The Content-MD5 you specified did not match what we received"},
    Known{400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size"},
    Known{400, "InvalidArgument", "Invalid Argument"},
    Known{400, "InvalidBucketName", "The specified bucket is not valid"},
    Known{400, "InvalidPart", "One or more of the specified parts could not be found"},
    Known{400, "InvalidPartOrder", "The list of parts was not in ascending order"},
    Known{400, "InvalidRequest", "Invalid Request"},
    Known{400, "MalformedXML", "The XML you provided was not well-formed"},
    Known{400,
          "XAmzContentSHA256Mismatch",
          "The provided 'x-amz-content-sha256' header does not match what was computed"},
    Known{403, "AccessDenied", "Access Denied"},
    Known{403, "InvalidAccessKeyId", "The access key Id you provided does not exist in our records"},
    Known{403,
          "RequestTimeTooSkewed",
          "The difference between the request time and the server's time is too large"},
    Known{403,
          "SignatureDoesNotMatch",
          "The request signature we calculated does not match the signature you provided"},
    Known{404, "NoSuchBucket", "The specified bucket does not exist"},
    Known{404, "NoSuchKey", "The specified key does not exist"},
    Known{404,
          "NoSuchObjectLockConfiguration",
          "The specified object does not have an object lock configuration"},
    Known{404, "NoSuchUpload", "The specified multipart upload does not exist"},
    Known{404, "NoSuchVersion", "The specified version does not exist"},
    Known{404,
          "ObjectLockConfigurationNotFoundError",
          "Object Lock configuration does not exist for this bucket"},
    Known{405, "MethodNotAllowed", "The specified method is not allowed against this resource"},
    Known{409, "BucketAlreadyOwnedByYou", "The bucket you tried to create already exists, and you own it"},
    Known{409, "BucketNotEmpty", "The bucket you tried to delete is not empty"},
    Known{409, "InvalidBucketState", "The request is not valid with the current state of the bucket"},
    Known{412, "PreconditionFailed", "At least one of the preconditions you specified did not hold"},
    Known{416, "InvalidRange", "The requested range is not satisfiable"},
    Known{429, "TooManyRequests", "Please reduce your request rate"},
    Known{500, "InternalError", "We encountered an internal error. Please try again"},
    Known{501,
          "NotImplemented",
          "A header or parameter you provided implies functionality that is not implemented"},
    Known{503, "SlowDown", "Please reduce your request rate"},
};

constexpr std::array<std::pair<std::string_view, char>, 5> entities{
    {{"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}}};

std::string unescaped(std::string_view text) {
    std::string plain;
    while (!text.empty()) {
        const auto entity =
            std::ranges::find_if(entities, [&](const auto& one) { return text.starts_with(one.first); });
        plain += entity == entities.end() ? text.front() : entity->second;
        text.remove_prefix(entity == entities.end() ? 1 : entity->first.size());
    }
    return plain;
}

}  // namespace

Problem problem(std::string_view code) {
    const auto found = std::ranges::find(known, code, &Known::code);
    if (found == known.end()) return {400, std::string(code), "a fault of the lab"};
    return {found->status, std::string(code), std::string(found->message)};
}

Problem problem_of(int status, const std::string& code) {
    if (!code.empty()) {
        auto made = problem(code);
        made.status = status;
        return made;
    }
    const auto found = std::ranges::find(known, status, &Known::status);
    auto made = problem(found == known.end() ? "InternalError" : found->code);
    made.status = status;
    return made;
}

Answer failure(const Problem& problem, const std::string& resource) {
    Answer answer{.status = problem.status, .content_type = "application/xml"};
    answer.body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error>" + element("Code", problem.code) +
                  element("Message", problem.message) + element("Resource", resource) +
                  element("RequestId", "tx" + hex(random_bytes(12)) + "-lab") + "</Error>";
    return answer;
}

std::string escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const auto entity = std::ranges::find(entities, c, [](const auto& one) { return one.second; });
        if (entity != entities.end())
            out += entity->first;
        else if (static_cast<unsigned char>(c) < 32)
            out += fmt::format("&#{};", static_cast<int>(c));
        else
            out += c;
    }
    return out;
}

std::string element(std::string_view name, std::string_view text) {
    return fmt::format("<{0}>{1}</{0}>", name, escaped(text));
}

Answer xml(std::string_view outermost, const std::string& content) {
    Answer answer{.content_type = "application/xml"};
    answer.body = fmt::format(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
        "<{0} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{1}</{0}>",
        outermost,
        content);
    return answer;
}

std::vector<std::string> elements(std::string_view document, std::string_view name) {
    const auto open = fmt::format("<{}>", name), close = fmt::format("</{}>", name);
    std::vector<std::string> found;
    for (auto at = document.find(open); at != document.npos; at = document.find(open, at)) {
        at += open.size();
        const auto end = document.find(close, at);
        if (end == document.npos) throw problem("MalformedXML");
        const auto text = document.substr(at, end - at);
        found.push_back(text.find('<') == text.npos ? unescaped(text) : std::string(text));
        at = end;
    }
    return found;
}

std::string first_element(std::string_view document, std::string_view name) {
    const auto all = elements(document, name);
    return all.empty() ? std::string() : all.front();
}

}  // namespace kavi::lab::s3
