#pragma once

#include <kavi/ops/agent/restore_docker.hpp>

#include <filesystem>
#include <map>
#include <string>

/// Containers, volumes and folders that are there to be restored into, and gone afterwards.
namespace kavi::ops {

/// All of one verification. Without a network, without ports, without anything of the live services but their
/// image.
class ThrowAways {
  public:
    /// Takes away what killed verifications left.
    ThrowAways(RestoreDocker& docker, std::filesystem::path folder, std::string run);
    ThrowAways(const ThrowAways&) = delete;
    ThrowAways& operator=(const ThrowAways&) = delete;
    ~ThrowAways();

    /// The project that its containers are labelled with, so that restoring finds them as it finds a stack's.
    std::string project() const { return "kavi-verify-" + run_; }

    /// A PostgreSQL server of the image, empty and healthy; one for each service and image. `user` is its
    /// superuser. Throws errors::restore_failed.
    void start_postgres(const std::string& service, const std::string& image, const std::string& user);

    /// How many keys a Redis of the image has that was started on this RDB.
    std::uint64_t keys_of(const std::filesystem::path& rdb, const std::string& image);

    /// An empty folder for so many bytes. Throws errors::restore_failed where they don't fit.
    std::filesystem::path folder(std::uint64_t bytes);

  private:
    std::string start(const std::vector<std::string>& words);
    void wait_for(const std::string& container,
                  const std::vector<std::string>& probe,
                  std::string_view answer);
    void clean() noexcept;

    RestoreDocker& docker_;
    std::filesystem::path folder_;
    std::string run_;
    std::map<std::string, std::string> postgres_;  ///< service → container
};

}  // namespace kavi::ops
