#pragma once

#include <kavi/api/s3.hpp>
#include <kavi/store/store.hpp>

#include <string>

namespace kavi::store {

/// Keys of a bucket that begin with a folder. A file of less than 16 MiB is one object put at once; a larger
/// one goes in parts of 16 MiB, and is there once they are put together. A part of an upload that was never
/// finished is seen by unfinished() as ".part-<hex of name and upload>" and removed under that name.
class S3Store final : public Store {
  public:
    S3Store(api::S3Bucket bucket, std::string folder);

    const std::string& name() const override { return bucket_.name(); }

    std::vector<StoredFile> list(const std::string& folder) override;
    std::vector<StoredFile> unfinished(const std::string& folder) override;
    std::unique_ptr<Upload> create(const std::string& path) override;
    void read(const std::string& path,
              const std::function<void(std::string_view)>& on_bytes,
              std::uint64_t offset = 0,
              std::optional<std::uint64_t> limit = std::nullopt) override;
    /// Always nullopt: S3 computes none over a whole object of parts, and what the writer noted there proves
    /// nothing. Each part's own hash was checked when it came.
    std::optional<std::string> sha256(const std::string& path) override;
    void remove(const std::string& path) override;

    /// Always nullopt.
    std::optional<Space> space() override { return {}; }

  private:
    api::S3Bucket bucket_;
    std::string folder_;
};

}  // namespace kavi::store
