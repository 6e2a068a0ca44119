#include "s3.hpp"

#include <algorithm>
#include <cctype>

namespace kavi::lab::s3 {
namespace {

void check_name(const std::string& name) {
    const auto allowed = [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return std::islower(byte) != 0 || std::isdigit(byte) != 0 || c == '-' || c == '.';
    };
    if (name.size() < 3 || name.size() > 63 || !std::ranges::all_of(name, allowed))
        throw problem("InvalidBucketName");
}

Answer create(S3& s3, const Call& call, const std::string& name) {
    check_name(name);
    if (s3.buckets.contains(name)) throw problem("BucketAlreadyOwnedByYou");
    Bucket bucket{.name = name};
    bucket.created = std::chrono::system_clock::now();
    bucket.lockable = call.header("x-amz-bucket-object-lock-enabled") == "true";
    if (bucket.lockable) bucket.versioning = Versioning::enabled;
    s3.buckets.emplace(name, std::move(bucket));
    auto answer = Answer::empty(200);
    answer.headers.emplace_back("Location", "/" + name);
    return answer;
}

Answer remove(S3& s3, const Bucket& bucket) {
    if (!bucket.empty()) throw problem("BucketNotEmpty");
    s3.buckets.erase(bucket.name);
    return Answer::empty(204);
}

Answer versioning(const Call& call, Bucket& bucket) {
    if (call.method == "PUT") {
        const auto status = first_element(call.body, "Status");
        if (status != "Enabled" && status != "Suspended") throw problem("MalformedXML");
        if (status == "Suspended" && bucket.lockable) throw problem("InvalidBucketState");
        bucket.versioning = status == "Enabled" ? Versioning::enabled : Versioning::suspended;
        return Answer::empty(200);
    }
    if (bucket.versioning == Versioning::never) return xml("VersioningConfiguration", "");
    const bool enabled = bucket.versioning == Versioning::enabled;
    return xml("VersioningConfiguration", element("Status", enabled ? "Enabled" : "Suspended"));
}

}  // namespace

Answer bucket_operation(S3& s3, const Call& call, const std::string& name) {
    const bool plain = call.query.empty();
    if (call.method == "PUT" && plain) return create(s3, call, name);
    const auto found = s3.buckets.find(name);
    if (found == s3.buckets.end()) throw problem("NoSuchBucket");
    auto& bucket = found->second;
    if (call.method == "HEAD") return Answer::empty(200);
    if (call.method == "DELETE" && plain) return remove(s3, bucket);
    if (call.parameter("versioning")) return versioning(call, bucket);
    if (call.parameter("object-lock")) return bucket_lock_operation(call, bucket);
    if (call.method == "POST" && call.parameter("delete")) return delete_many(call, bucket);
    if (call.method != "GET") throw problem("MethodNotAllowed");
    if (call.parameter("location")) return xml("LocationConstraint", s3.seed().region);
    if (call.parameter("versions")) return list_versions(call, bucket);
    if (call.parameter("uploads")) return list_uploads(bucket);
    return list_objects(call, bucket);
}

}  // namespace kavi::lab::s3
