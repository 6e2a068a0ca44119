#pragma once

#include "../http/api.hpp"
#include "../lab_apis.hpp"
#include "problem.hpp"
#include "store.hpp"

#include <map>
#include <mutex>
#include <string>

namespace kavi::lab::s3 {

/// Object Storage as Hetzner's Ceph answers: path style (/bucket/key) and virtual hosts (bucket.host/key),
/// every request signed.
class S3 final : public Api {
  public:
    explicit S3(const S3Seed& seed);

    std::string name() const override { return "s3"; }

    std::string prefix() const override { return ""; }

    Answer answer(Call& call) override;
    Answer error(int status, const std::string& code) override;

    // What the operations' files use, under the lock.
    std::map<std::string, Bucket> buckets;

    const S3Seed& seed() const { return seed_; }

    /// The bytes as the seed wants them kept.
    std::shared_ptr<Blob> keep(std::string bytes) const;

  private:
    Answer routed(const Call& call);

    S3Seed seed_;
    std::mutex mutex_;
};

/// What a request is about.
struct Target {
    std::string bucket, key;
};

Target target_of(const Call& call);

// The operations. Each throws Problem.
Answer bucket_operation(S3& s3, const Call& call, const std::string& name);
Answer object_operation(S3& s3, const Call& call, Bucket& bucket, const std::string& key);
Answer list_objects(const Call& call, const Bucket& bucket);
Answer list_versions(const Call& call, const Bucket& bucket);
Answer list_uploads(const Bucket& bucket);
Answer delete_many(const Call& call, Bucket& bucket);
Answer multipart_operation(S3& s3, const Call& call, Bucket& bucket, const std::string& key);
Answer lock_operation(const Call& call, Bucket& bucket, const std::string& key);
Answer bucket_lock_operation(const Call& call, Bucket& bucket);

struct Deleted {
    std::string version;
    bool marker = false;
};

/// Deletes a version, or puts a delete marker; AccessDenied where a lock holds it.
Deleted delete_object(const Call& call, Bucket& bucket, const std::string& key, const std::string& version);

/// The version that the request's versionId names, else the present one.
Version& version_of(const Call& call, Bucket& bucket, const std::string& key);
/// The lock that the request's headers, else the bucket's default, put on a new version.
Lock lock_of(const Call& call, const Bucket& bucket);
std::map<std::string, std::string> metadata_of(const Call& call);
/// Refuses a body that its Content-MD5 doesn't fit.
void check_md5(const Call& call);
std::string quoted(const std::string& tag);

}  // namespace kavi::lab::s3
