#pragma once

#include <kavi/net/ssh.hpp>
#include <kavi/secrets/sealed_store.hpp>

#include <filesystem>

namespace kavi::ops {

/// Logs in where sealed copies lie.
class PlaceSessions {
  public:
    virtual ~PlaceSessions() = default;
    /// The session lives as long as this. Throws what net::SshConnector::connect throws.
    virtual net::SshSession& server(const model::Server& server, std::stop_token stop) = 0;
    virtual net::SshSession& storage(const model::Storage& storage, std::stop_token stop) = 0;
};

/// Places of the estate: local paths, servers, and Storage Boxes by the commands of their restricted shell. A
/// place on a storage of another kind throws errors::network_failed.
class EstatePlaces final : public secrets::SealedPlaces {
  public:
    EstatePlaces(const model::Estate& estate, PlaceSessions& sessions)
        : estate_(estate), sessions_(sessions), local_(estate.folder) {}

    std::optional<std::string> read(const model::Place& place, std::stop_token stop) override;
    void write(const model::Place& place, std::string_view bytes, std::stop_token stop) override;

  private:
    const model::Estate& estate_;
    PlaceSessions& sessions_;
    secrets::LocalPlaces local_;
};

/// A file on a server, by path; nullopt: it isn't there. The path goes in as data, never as a part of the
/// command.
std::optional<std::string> read_server_file(net::SshSession& session,
                                            std::string_view path,
                                            std::stop_token stop);
void write_server_file(net::SshSession& session,
                       std::string_view path,
                       std::string_view bytes,
                       std::stop_token stop);

/// The same on a Storage Box, whose shell takes words and nothing else: a path with other characters than
/// letters, digits and "._-/" is refused (errors::config_invalid).
std::optional<std::string> read_box_file(net::SshSession& session,
                                         std::string_view path,
                                         std::stop_token stop);
void write_box_file(net::SshSession& session,
                    std::string_view path,
                    std::string_view bytes,
                    std::stop_token stop);

}  // namespace kavi::ops
