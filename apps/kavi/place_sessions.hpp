#pragma once

#include "network.hpp"

#include <kavi/ops/secrets/places.hpp>

#include <functional>
#include <map>
#include <memory>

namespace kavi::app {

/// Logs in to servers and Storage Boxes by what the estate file says of them: address, user and host key. One
/// whose host key doesn't stand there can't be reached this way (errors::host_key_unpinned). One connection
/// each.
class EstatePlaceSessions final : public ops::PlaceSessions {
  public:
    /// The key that a storage's keys.admin names; nullopt: the operator's own key is tried.
    using AdminKey = std::function<std::optional<Secret>(const model::SecretRef&)>;

    explicit EstatePlaceSessions(Network& network, AdminKey admin_key = {})
        : network_(network), admin_key_(std::move(admin_key)) {}

    net::SshSession& server(const model::Server& server, std::stop_token stop) override;
    net::SshSession& storage(const model::Storage& storage, std::stop_token stop) override;

  private:
    net::SshSession& session(net::SshTarget target, std::stop_token stop);

    Network& network_;
    AdminKey admin_key_;
    std::map<std::string, std::unique_ptr<net::SshSession>> open_;
};

}  // namespace kavi::app
