#pragma once

#include <kavi/api/infisical.hpp>
#include <kavi/secrets/secrets.hpp>

#include <mutex>
#include <optional>

namespace kavi::secrets {

/// Infisical as a source: one project, one environment. References are resolved by the server; one that leads
/// nowhere, which the server turns into an empty text or leaves standing, is an error that names it.
class InfisicalSource final : public SecretsSource {
  public:
    struct Options {
        std::string project;      ///< slug or id
        std::string environment;  ///< slug
        bool strict = true;       ///< false: references that lead nowhere are taken as the server gives them
        std::size_t workers = 8;  ///< requests side by side
    };

    InfisicalSource(api::Infisical& infisical, Options options)
        : infisical_(infisical), options_(std::move(options)) {}

    FolderSecrets folders(std::span<const std::string> wanted, std::stop_token stop) override;
    FolderSecrets tree(const std::string& root, std::stop_token stop) override;
    std::vector<std::string> folder_names(std::stop_token stop) override;
    std::string description() const override;

    /// The project, looked up once. Throws errors::secret_missing for an unknown project or environment, with
    /// the nearest name.
    const api::InfisicalProject& project(std::stop_token stop);

  private:
    struct Folder;
    std::optional<Folder> read(const std::string& folder, std::stop_token stop);
    std::optional<std::vector<Folder>> read_tree(const std::string& root, std::stop_token stop);
    FolderSecrets checked(std::vector<Folder> folders, std::stop_token stop);
    void check_environment(std::stop_token stop);
    std::vector<std::string> dead_references(const std::vector<Folder>& folders, std::stop_token stop);
    bool leads_somewhere(const std::string& environment,
                         const std::string& folder,
                         const std::string& key,
                         std::stop_token stop);

    api::Infisical& infisical_;
    Options options_;
    std::mutex mutex_;
    std::optional<api::InfisicalProject> project_;
    std::map<std::pair<std::string, std::string>, std::vector<std::string>>
        keys_;  // own keys by environment and folder
};

}  // namespace kavi::secrets
