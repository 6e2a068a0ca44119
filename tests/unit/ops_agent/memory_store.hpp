#pragma once

#include <kavi/base/error.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/hash.hpp>
#include <kavi/ops/agent/backup_pipeline.hpp>
#include <kavi/store/store.hpp>

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace kavi::agent_test {

/// A store in memory, with what can go wrong in one.
class MemoryStore final : public store::Store {
  public:
    explicit MemoryStore(std::string name) : name_(std::move(name)) {}

    std::map<std::string, std::string> files;
    int begun = 0;                                 ///< uploads that are under way
    std::optional<std::size_t> breaks_after = {};  ///< bytes; then `error`
    bool breaks_at_finish = false;
    Error error{errors::store_failed, "the box said no"};
    bool hashes = true;
    bool garbles = false;  ///< what is stored isn't what came
    std::optional<store::Space> free = {};

    const std::string& name() const override { return name_; }

    std::vector<store::StoredFile> list(const std::string& folder) override {
        std::vector<store::StoredFile> found;
        for (const auto& [path, bytes] : files)
            if (path.starts_with(folder + "/")) found.push_back({path, bytes.size()});
        return found;
    }

    std::vector<store::StoredFile> unfinished(const std::string&) override { return {}; }

    std::unique_ptr<store::Upload> create(const std::string& path) override {
        if (files.contains(path)) throw Error(errors::store_failed, path + " is there already");
        return std::make_unique<MemoryUpload>(*this, path);
    }

    void read(const std::string& path,
              const std::function<void(std::string_view)>& on_bytes,
              std::uint64_t offset = 0,
              std::optional<std::uint64_t> limit = std::nullopt) override {
        if (!files.contains(path)) throw Error(errors::store_missing, "there is no " + path);
        on_bytes(std::string_view(files.at(path)).substr(offset, limit.value_or(std::string::npos)));
    }

    std::optional<std::string> sha256(const std::string& path) override {
        if (!hashes) return std::nullopt;
        Sha256 digest;
        digest.add(files.at(path));
        return digest.hex();
    }

    void remove(const std::string& path) override { files.erase(path); }

    std::optional<store::Space> space() override { return free; }

  private:
    class MemoryUpload final : public store::Upload {
      public:
        MemoryUpload(MemoryStore& store, std::string path) : store_(store), path_(std::move(path)) {
            ++store_.begun;
        }

        MemoryUpload(const MemoryUpload&) = delete;
        MemoryUpload& operator=(const MemoryUpload&) = delete;

        ~MemoryUpload() override { --store_.begun; }

        void write(std::string_view bytes) override {
            bytes_ += bytes;
            if (store_.breaks_after && bytes_.size() > *store_.breaks_after) throw store_.error;
        }

        bool finish() override {
            if (store_.breaks_at_finish) throw store_.error;
            if (store_.garbles) bytes_.back() ^= 1;
            store_.files[path_] = bytes_;
            return true;
        }

      private:
        MemoryStore& store_;
        std::string path_, bytes_;
    };

    std::string name_;
};

/// A run's stores, and the memory behind them.
struct Stores {
    std::vector<MemoryStore*> memory;
    std::vector<ops::RunStore> all;

    explicit Stores(std::initializer_list<std::string> names) {
        for (const auto& name : names) {
            auto store = std::make_unique<MemoryStore>(name);
            memory.push_back(store.get());
            all.push_back({.name = name, .store = std::move(store), .failure = {}});
        }
    }
};

}  // namespace kavi::agent_test
