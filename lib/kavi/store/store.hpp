#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Where backups lie: an SFTP account (Storage Boxes among them), a bucket, a local folder. One conformance suite
/// holds for all (tests/integration/store).
namespace kavi::store {

struct StoredFile {
    std::string path;         ///< below the store's folder: "kavi/bruno/20261125T060000Z-4f2a/manifest.json"
    std::uint64_t bytes = 0;

    friend bool operator==(const StoredFile&, const StoredFile&) = default;
};

struct Space {
    std::uint64_t total = 0;  ///< bytes
    std::uint64_t free = 0;   ///< bytes that may still be written
};

/// A file being written. Nobody sees it under its name before finish(); where this goes without it, what came so far
/// is taken away again, or lies under a name that no reader takes for a backup (".part-…").
class Upload {
  public:
    virtual ~Upload() = default;
    /// Takes the bytes; they may still be under way when it returns. A broken line is made again and gone on with from
    /// the last byte that the store has confirmed. Throws errors::store_failed, errors::store_full,
    /// errors::network_failed (the line couldn't be made again), errors::interrupted.
    virtual void write(std::string_view bytes) = 0;
    /// All is on disk there, then it gets its name in one step. False: the store can't promise "on disk".
    virtual bool finish() = 0;
};

/// One store, used from one thread at a time. Paths are made of letters, digits and "._-/" (anything else throws
/// errors::internal), and folders are made as needed. All calls throw what Upload::write throws.
class Store {
  public:
    virtual ~Store() = default;

    virtual const std::string& name() const = 0;  ///< as the estate file names it

    /// Every finished file below `folder`, at any depth, sorted by path; empty where there is no such folder.
    virtual std::vector<StoredFile> list(const std::string& folder) = 0;
    /// Parts of files that were never finished, below `folder`: what prune takes away when they are old.
    virtual std::vector<StoredFile> unfinished(const std::string& folder) = 0;

    /// `path` must not exist yet (errors::store_failed).
    virtual std::unique_ptr<Upload> create(const std::string& path) = 0;

    /// The file's bytes from `offset` on, in order; `limit` of them where given. Throws errors::store_missing.
    virtual void read(const std::string& path,
                      const std::function<void(std::string_view)>& on_bytes,
                      std::uint64_t offset = 0,
                      std::optional<std::uint64_t> limit = std::nullopt) = 0;

    /// SHA-256 in hex, computed where the file lies; nullopt where the store can't (then read it back). Throws
    /// errors::store_missing.
    virtual std::optional<std::string> sha256(const std::string& path) = 0;

    /// Does nothing where there is none. Needs no space, so it works in a full store.
    virtual void remove(const std::string& path) = 0;

    /// Nullopt where the store can't say.
    virtual std::optional<Space> space() = 0;
};

/// A small file in one piece. Throws errors::store_missing, and errors::integrity where it is longer than `largest`.
std::string read_small(Store& store, const std::string& path, std::uint64_t largest = 16u << 20);
void write_small(Store& store, const std::string& path, std::string_view bytes);

}  // namespace kavi::store
