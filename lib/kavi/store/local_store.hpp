#pragma once

#include <kavi/store/store.hpp>

#include <filesystem>
#include <stop_token>

namespace kavi::store {

/// A folder of this machine. Files are 0600 and folders 0700; both are synced before a file gets its name.
class LocalStore final : public Store {
  public:
    LocalStore(std::string name, std::filesystem::path folder, std::stop_token stop);

    const std::string& name() const override { return name_; }

    std::vector<StoredFile> list(const std::string& folder) override;
    std::vector<StoredFile> unfinished(const std::string& folder) override;
    std::unique_ptr<Upload> create(const std::string& path) override;
    void read(const std::string& path,
              const std::function<void(std::string_view)>& on_bytes,
              std::uint64_t offset = 0,
              std::optional<std::uint64_t> limit = std::nullopt) override;
    std::optional<std::string> sha256(const std::string& path) override;
    void remove(const std::string& path) override;
    std::optional<Space> space() override;

  private:
    std::vector<StoredFile> walk(const std::string& folder, bool parts) const;
    void check_stop() const;

    std::string name_;
    std::filesystem::path folder_;
    std::stop_token stop_;
};

}  // namespace kavi::store
