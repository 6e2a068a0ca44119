#pragma once

#include <kavi/api/s3_sign.hpp>
#include <kavi/base/clock.hpp>
#include <kavi/base/error.hpp>
#include <kavi/net/transport.hpp>

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace kavi::api {

struct S3Object {
    std::string key;
    std::uint64_t bytes = 0;
};

/// A multipart upload that was begun and neither completed nor abandoned.
struct S3PendingUpload {
    std::string key, id;
};

/// A part of an object.
struct S3Piece {
    std::string bytes;
    std::uint64_t total = 0;  ///< the object's size
    std::string etag;
};

struct S3Place {
    std::string name;      ///< the store's, for messages
    std::string endpoint;  ///< "https://nbg1.your-objectstorage.com"; the bucket goes into the path
    std::string bucket;
};

/// One bucket of an S3 server, as AWS and Ceph have it. What may be is sent again: after a broken line, 429
/// and 5xx, five times in all, 1, 2, 4 and 8 s apart. Throws errors::store_failed, store_full (a quota),
/// credentials_refused, rights_missing, network_failed, interrupted.
class S3Bucket {
  public:
    S3Bucket(net::Transport& transport, Clock& clock, S3Place place, S3Access access, std::stop_token stop);

    const std::string& name() const { return place_.name; }

    /// Every object whose key begins so.
    std::vector<S3Object> list(const std::string& prefix);
    std::vector<S3PendingUpload> pending(const std::string& prefix);

    /// Nullopt: there is no such object.
    std::optional<std::uint64_t> size(const std::string& key);
    /// At most `count` bytes from `offset` on; empty beyond the end. Nullopt: there is no such object.
    /// `etag`: only of that version (errors::store_failed where it was replaced).
    std::optional<S3Piece> get(const std::string& key,
                               std::uint64_t offset,
                               std::uint64_t count,
                               const std::string& etag = {});
    void put(const std::string& key, std::string bytes);
    /// Does nothing where there is none.
    void remove(const std::string& key);

    std::string begin(const std::string& key);
    /// Gives the part's tag. Numbers go from 1 to 10,000; all but the last part have 5 MiB or more.
    std::string put_part(const std::string& key, const std::string& id, int number, std::string bytes);
    /// The object appears. `bytes` is what its size must be then.
    void complete(const std::string& key,
                  const std::string& id,
                  const std::vector<std::string>& tags,
                  std::uint64_t bytes);
    /// Does nothing where there is no such upload.
    void abandon(const std::string& key, const std::string& id);

    /// Requests after this are ended by another token: to clean up after a stop.
    void stop_by(std::stop_token stop) { stop_ = std::move(stop); }

  private:
    net::Request request(std::string method, const std::string& key, const std::string& query = {}) const;
    net::Response exchange(net::Request request);
    net::Response must(net::Request request, const std::string& doing);
    Error refusal(const net::Response& response, const std::string& doing) const;

    net::Transport& transport_;
    Clock& clock_;
    S3Place place_;
    S3Access access_;
    std::stop_token stop_;
};

}  // namespace kavi::api
