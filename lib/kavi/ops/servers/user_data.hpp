#pragma once

#include <kavi/base/secret.hpp>
#include <kavi/net/ssh_keys.hpp>

#include <string_view>

namespace kavi::ops {

/// Cloud-config (JSON behind the line "#cloud-config", which is YAML too) with a host key laid into it:
/// cloud-init installs that one and makes none of its own (cloud-init's module cc_ssh: ssh_keys,
/// ssh_deletekeys, ssh_genkeytypes).
Secret with_host_key(std::string_view cloud_config, const net::SshKeyPair& key);

}  // namespace kavi::ops
