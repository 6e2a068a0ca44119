#include "s3.hpp"

#include "signature.hpp"

#include <kavi/base/text.hpp>

#include <algorithm>
#include <cctype>

namespace kavi::lab::s3 {
namespace {

Bucket made(const std::string& name) {
    Bucket bucket{.name = name};
    bucket.created = std::chrono::system_clock::now();
    return bucket;
}

/// Is this a name with a bucket before it, not an address and not localhost?
bool is_virtual_host(const std::string& host) {
    const auto letters = [](char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; };
    return std::ranges::count(host, '.') >= 2 && std::ranges::any_of(host, letters);
}

Answer list_buckets(const S3& s3) {
    std::string list;
    for (const auto& [name, bucket] : s3.buckets)
        list += "<Bucket>" + element("Name", name) + element("CreationDate", iso_time(bucket.created)) +
                "</Bucket>";
    return xml("ListAllMyBucketsResult",
               "<Owner><ID>lab</ID><DisplayName>lab</DisplayName></Owner><Buckets>" + list + "</Buckets>");
}

}  // namespace

S3::S3(const S3Seed& seed) : seed_(seed) {
    for (const auto& one : seed.buckets) buckets.emplace(one, made(one));
}

std::shared_ptr<Blob> S3::keep(std::string bytes) const {
    return std::make_shared<Blob>(std::move(bytes), seed_.folder);
}

Answer S3::answer(Call& call) {
    const std::scoped_lock lock(mutex_);
    Answer answer;
    try {
        check_signature(call, seed_);
        answer = routed(call);
    } catch (const Problem& problem) {
        answer = failure(problem, call.raw_path);
    }
    answer.headers.emplace_back("x-amz-request-id", "tx" + hex(random_bytes(12)) + "-lab");
    return answer;
}

Answer S3::routed(const Call& call) {
    const auto target = target_of(call);
    if (target.bucket.empty()) {
        if (call.method != "GET") throw problem("MethodNotAllowed");
        return list_buckets(*this);
    }
    if (target.key.empty()) return bucket_operation(*this, call, target.bucket);
    const auto found = buckets.find(target.bucket);
    if (found == buckets.end()) throw problem("NoSuchBucket");
    auto& bucket = found->second;
    if (call.parameter("uploads") || call.parameter("uploadId"))
        return multipart_operation(*this, call, bucket, target.key);
    if (call.parameter("retention") || call.parameter("legal-hold"))
        return lock_operation(call, bucket, target.key);
    return object_operation(*this, call, bucket, target.key);
}

Answer S3::error(int status, const std::string& code) {
    return failure(problem_of(status, code), "");
}

Target target_of(const Call& call) {
    auto path = percent_decode(call.raw_path, false).substr(1);
    auto host = call.header("host").value_or("");
    host = host.substr(0, host.find(':'));
    if (is_virtual_host(host)) return {host.substr(0, host.find('.')), path};
    const auto slash = path.find('/');
    if (slash == path.npos) return {path, ""};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

std::map<std::string, std::string> metadata_of(const Call& call) {
    std::map<std::string, std::string> metadata;
    for (const auto& [name, value] : call.headers)
        if (name.starts_with("x-amz-meta-")) metadata[name] = value;
    return metadata;
}

void check_md5(const Call& call) {
    const auto given = call.header("content-md5");
    if (given && *given != base64(md5(call.body))) throw problem("BadDigest");
}

std::string quoted(const std::string& tag) {
    return "\"" + tag + "\"";
}

}  // namespace kavi::lab::s3
