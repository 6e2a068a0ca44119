#pragma once

#include "../lab_apis.hpp"

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kavi::lab::s3 {

using Time = std::chrono::system_clock::time_point;

/// "2026-11-24T10:15:00.000Z"
std::string iso_time(Time time);
/// "Tue, 24 Nov 2026 10:15:00 GMT"
std::string http_time(Time time);
/// Reads iso_time's form, with or without fractions. nullopt: it isn't that.
std::optional<Time> parse_iso(const std::string& text);
std::string md5(std::string_view bytes);

/// An object's bytes, in memory or in a file that goes with it.
class Blob {
  public:
    Blob(std::string bytes, const std::optional<std::filesystem::path>& folder);
    ~Blob();
    Blob(const Blob&) = delete;
    Blob& operator=(const Blob&) = delete;

    std::size_t size() const { return size_; }

    std::string read(std::size_t from, std::size_t count) const;

  private:
    std::size_t size_;
    std::string bytes_;
    std::optional<std::filesystem::path> file_;
};

struct Lock {
    std::string mode;  ///< COMPLIANCE, GOVERNANCE; empty: none
    std::optional<Time> until;
    bool legal_hold = false;
};

struct Version {
    std::string id;
    bool marker = false;  ///< a delete marker: no bytes
    std::shared_ptr<Blob> bytes;
    std::string etag, content_type;               ///< the tag without its quotes
    std::map<std::string, std::string> metadata;  ///< x-amz-meta-…
    Lock lock;
    Time modified;
};

struct Upload {
    std::string id, key, content_type;
    std::map<std::string, std::string> metadata;
    Lock lock;
    std::map<int, std::pair<std::shared_ptr<Blob>, std::string>> parts;  ///< number → bytes, tag
    Time started;
};

enum class Versioning { never, enabled, suspended };

struct Bucket {
    std::string name;
    Versioning versioning = Versioning::never;
    bool lockable = false;
    std::string default_mode;  ///< of new versions; empty: none
    int default_days = 0;
    std::map<std::string, std::vector<Version>> objects;  ///< by key; the newest version is the last
    std::map<std::string, Upload> uploads;
    Time created;

    /// The present version; none: no such key, or deleted.
    const Version* present(const std::string& key) const;
    /// Adds a version as the bucket's versioning wants it.
    Version& put(const std::string& key, Version version);

    bool empty() const { return objects.empty() && uploads.empty(); }
};

}  // namespace kavi::lab::s3
