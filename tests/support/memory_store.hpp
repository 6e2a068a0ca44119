#pragma once

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/store/store.hpp>

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace kavi::test {

/// A store in memory that tests can damage: its files are there to be changed.
class MemoryStore final : public store::Store {
  public:
    explicit MemoryStore(std::string name = "box") : name_(std::move(name)) {}

    std::map<std::string, std::string> files;  ///< finished ones, by path
    std::map<std::string, std::string> parts;  ///< cut off, by path ("kavi/bruno/RUN/.part-1")
    bool hashes = true;                        ///< false: sha256() can't, as on a plain SFTP server
    bool full = false;                         ///< no write goes
    std::optional<store::Space> room = {};     ///< what space() says
    std::function<void(const std::string& call, const std::string& path)> before = {};  ///< may throw
    std::vector<std::string> calls = {};  ///< "list kavi/bruno", "read …", "sha256 …", "remove …", "create …"

    const std::string& name() const override { return name_; }

    std::vector<store::StoredFile> list(const std::string& folder) override {
        called("list", folder);
        return below(files, folder);
    }

    std::vector<store::StoredFile> unfinished(const std::string& folder) override {
        called("unfinished", folder);
        return below(parts, folder);
    }

    std::unique_ptr<store::Upload> create(const std::string& path) override {
        called("create", path);
        if (files.contains(path)) throw Error(errors::store_failed, path + " is there already");
        return std::make_unique<MemoryUpload>(*this, path);
    }

    void read(const std::string& path,
              const std::function<void(std::string_view)>& on_bytes,
              std::uint64_t offset = 0,
              std::optional<std::uint64_t> limit = std::nullopt) override {
        called("read", path);
        // Small pieces, so that nobody relies on getting a file in one.
        constexpr std::size_t piece = 1000;
        const std::string bytes = content(path);
        if (offset > bytes.size()) return;
        auto rest = std::string_view(bytes).substr(offset);
        if (limit) rest = rest.substr(0, *limit);
        for (; !rest.empty(); rest.remove_prefix(std::min(piece, rest.size()))) on_bytes(rest.substr(0, piece));
    }

    std::optional<std::string> sha256(const std::string& path) override {
        called("sha256", path);
        const auto& bytes = content(path);
        return hashes ? std::optional(hex(kavi::sha256(bytes))) : std::nullopt;
    }

    void remove(const std::string& path) override {
        called("remove", path);
        files.erase(path);
        parts.erase(path);
    }

    std::optional<store::Space> space() override { return room; }

  private:
    class MemoryUpload final : public store::Upload {
      public:
        MemoryUpload(MemoryStore& store, std::string path) : store_(store), path_(std::move(path)) {}

        void write(std::string_view bytes) override {
            if (store_.full) throw Error(errors::store_full, "the store " + store_.name_ + " is full");
            bytes_ += bytes;
        }

        bool finish() override {
            store_.called("finish", path_);
            store_.files[path_] = std::move(bytes_);
            return true;
        }

      private:
        MemoryStore& store_;
        std::string path_, bytes_;
    };

    static std::vector<store::StoredFile> below(const std::map<std::string, std::string>& all,
                                                const std::string& folder) {
        std::vector<store::StoredFile> found;
        for (const auto& [path, bytes] : all)
            if (folder.empty() || path.starts_with(folder + "/")) found.push_back({path, bytes.size()});
        return found;
    }

    const std::string& content(const std::string& path) const {
        const auto found = files.find(path);
        if (found == files.end()) throw Error(errors::store_missing, "there is no " + path);
        return found->second;
    }

    void called(const std::string& call, const std::string& path) {
        calls.push_back(call + " " + path);
        if (before) before(call, path);
    }

    std::string name_;
};

}  // namespace kavi::test
