#include "s3.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace kavi::lab::s3 {
namespace {

struct Range {
    std::size_t from, count;
};

std::optional<std::size_t> number(std::string_view text) {
    std::size_t value = 0;
    const auto end = text.data() + text.size();
    if (text.empty() || std::from_chars(text.data(), end, value).ptr != end) return std::nullopt;
    return value;
}

/// "bytes=5-9", "bytes=5-", "bytes=-5"; nullopt: the whole.
std::optional<Range> range_of(const Call& call, std::size_t size) {
    const auto header = call.header("range").value_or("");
    if (!header.starts_with("bytes=") || header.find(',') != header.npos) return std::nullopt;
    const auto dash = header.find('-');
    if (dash == header.npos) return std::nullopt;
    const auto first = number(std::string_view(header).substr(6, dash - 6));
    const auto last = number(std::string_view(header).substr(dash + 1));
    if (!first && !last) return std::nullopt;
    if (!first) return Range{size - std::min(size, *last), std::min(size, *last)};
    if (*first >= size) throw problem("InvalidRange");
    const auto end = last ? std::min(*last + 1, size) : size;
    if (end <= *first) return std::nullopt;
    return Range{*first, end - *first};
}

void add_lock_headers(Answer& answer, const Lock& lock) {
    if (!lock.mode.empty()) {
        answer.headers.emplace_back("x-amz-object-lock-mode", lock.mode);
        answer.headers.emplace_back("x-amz-object-lock-retain-until-date", iso_time(*lock.until));
    }
    if (lock.legal_hold) answer.headers.emplace_back("x-amz-object-lock-legal-hold", "ON");
}

Answer get(const Call& call, Bucket& bucket, const std::string& key) {
    const auto& version = version_of(call, bucket, key);
    if (call.header("if-match") && *call.header("if-match") != quoted(version.etag))
        throw problem("PreconditionFailed");
    Answer answer{.content_type = version.content_type};
    answer.headers = {{"ETag", quoted(version.etag)},
                      {"Last-Modified", http_time(version.modified)},
                      {"Accept-Ranges", "bytes"}};
    if (bucket.versioning != Versioning::never) answer.headers.emplace_back("x-amz-version-id", version.id);
    for (const auto& [name, value] : version.metadata) answer.headers.emplace_back(name, value);
    add_lock_headers(answer, version.lock);
    if (call.header("if-none-match") == quoted(version.etag)) {
        answer.status = 304;
        answer.content_type.clear();
        return answer;
    }
    const auto size = version.bytes->size();
    const auto range = range_of(call, size);
    answer.body = range ? version.bytes->read(range->from, range->count) : version.bytes->read(0, size);
    if (!range) return answer;
    answer.status = 206;
    answer.headers.emplace_back(
        "Content-Range", fmt::format("bytes {}-{}/{}", range->from, range->from + range->count - 1, size));
    return answer;
}

/// If-None-Match: * refuses to replace; If-Match wants the very object.
void check_conditions(const Call& call, const Bucket& bucket, const std::string& key) {
    const auto* present = bucket.present(key);
    if (call.header("if-none-match") == "*" && present != nullptr) throw problem("PreconditionFailed");
    const auto wanted = call.header("if-match");
    if (wanted && (present == nullptr || *wanted != quoted(present->etag)))
        throw problem("PreconditionFailed");
}

Answer put(S3& s3, const Call& call, Bucket& bucket, const std::string& key) {
    if (call.header("x-amz-copy-source")) throw problem("NotImplemented");
    check_md5(call);
    check_conditions(call, bucket, key);
    Version version{.bytes = s3.keep(call.body), .etag = hex(md5(call.body))};
    version.content_type = call.header("content-type").value_or("binary/octet-stream");
    version.metadata = metadata_of(call);
    version.lock = lock_of(call, bucket);
    const auto& kept = bucket.put(key, std::move(version));
    auto answer = Answer::empty(200);
    answer.headers = {{"ETag", quoted(kept.etag)}};
    if (bucket.versioning != Versioning::never) answer.headers.emplace_back("x-amz-version-id", kept.id);
    return answer;
}

/// Is the version held against this request?
bool is_held(const Call& call, const Lock& lock) {
    if (lock.legal_hold) return true;
    if (lock.mode.empty() || *lock.until <= std::chrono::system_clock::now()) return false;
    const bool bypass = call.header("x-amz-bypass-governance-retention") == "true";
    return lock.mode == "COMPLIANCE" || !bypass;
}

Deleted delete_version(const Call& call, Bucket& bucket, const std::string& key, const std::string& wanted) {
    const auto object = bucket.objects.find(key);
    if (object == bucket.objects.end()) return {wanted, false};
    auto& versions = object->second;
    const auto found = std::ranges::find(versions, wanted, &Version::id);
    if (found == versions.end()) return {wanted, false};
    if (is_held(call, found->lock)) throw problem("AccessDenied");
    const bool marker = found->marker;
    versions.erase(found);
    if (versions.empty()) bucket.objects.erase(object);
    return {wanted, marker};
}

}  // namespace

Version& version_of(const Call& call, Bucket& bucket, const std::string& key) {
    const auto object = bucket.objects.find(key);
    const auto wanted = call.parameter("versionId");
    if (object == bucket.objects.end()) throw problem(wanted ? "NoSuchVersion" : "NoSuchKey");
    auto& versions = object->second;
    if (!wanted) {
        if (versions.back().marker) throw problem("NoSuchKey");
        return versions.back();
    }
    const auto found = std::ranges::find(versions, *wanted, &Version::id);
    if (found == versions.end()) throw problem("NoSuchVersion");
    if (found->marker) throw problem("MethodNotAllowed");
    return *found;
}

Deleted delete_object(const Call& call, Bucket& bucket, const std::string& key, const std::string& version) {
    if (!version.empty()) return delete_version(call, bucket, key, version);
    if (bucket.versioning == Versioning::never) {
        bucket.objects.erase(key);
        return {};
    }
    Version marker{.marker = true};
    return {bucket.put(key, std::move(marker)).id, true};
}

Answer object_operation(S3& s3, const Call& call, Bucket& bucket, const std::string& key) {
    if (call.method == "GET" || call.method == "HEAD") return get(call, bucket, key);
    if (call.method == "PUT") return put(s3, call, bucket, key);
    if (call.method != "DELETE") throw problem("MethodNotAllowed");
    const auto done = delete_object(call, bucket, key, call.parameter("versionId").value_or(""));
    auto answer = Answer::empty(204);
    if (!done.version.empty()) answer.headers.emplace_back("x-amz-version-id", done.version);
    if (done.marker) answer.headers.emplace_back("x-amz-delete-marker", "true");
    return answer;
}

Answer delete_many(const Call& call, Bucket& bucket) {
    check_md5(call);
    const bool quiet = first_element(call.body, "Quiet") == "true";
    std::string results;
    for (const auto& one : elements(call.body, "Object")) {
        const auto key = first_element(one, "Key"), version = first_element(one, "VersionId");
        try {
            const auto done = delete_object(call, bucket, key, version);
            if (quiet) continue;
            results += "<Deleted>" + element("Key", key);
            if (done.marker)
                results += element("DeleteMarker", "true") + element("DeleteMarkerVersionId", done.version);
            if (!version.empty()) results += element("VersionId", version);
            results += "</Deleted>";
        } catch (const Problem& refusal) {
            results += "<Error>" + element("Key", key) + element("VersionId", version) +
                       element("Code", refusal.code) + element("Message", refusal.message) + "</Error>";
        }
    }
    return xml("DeleteResult", results);
}

}  // namespace kavi::lab::s3
