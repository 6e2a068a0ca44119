#pragma once

#include <kavi/base/json.hpp>
#include <kavi/model/estate.hpp>
#include <kavi/net/ssh.hpp>
#include <kavi/secrets/secrets.hpp>

#include <functional>
#include <stop_token>
#include <string>

/// How a server's own key gets to a box that doesn't know it yet.
namespace kavi::ops {

struct BoxDoor {
    const secrets::SecretVault& vault;  ///< has the boxes' admin keys
    /// Reaches boxes. Null: a server whose key isn't let in yet can't be helped.
    net::SshConnector* connector = nullptr;
};

/// Asks the server whether the box lets its key in (`ask` gives the runner's {"public", "accepted", "why"}); where it doesn't,
/// the key is installed by `install-ssh-key`, logged in as `user` with the box's admin key, and the server is asked again. Gives
/// the last answer. Throws errors::credentials_missing where nobody may install it, errors::ssh_auth where it isn't let in
/// after all, and what connecting throws.
Json let_in(const model::Storage& storage,
            const std::string& user,
            const std::string& server,
            const std::function<Json()>& ask,
            const BoxDoor& door,
            std::stop_token stop);

}  // namespace kavi::ops
