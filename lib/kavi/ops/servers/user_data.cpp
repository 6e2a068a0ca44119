#include <kavi/base/error_codes.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/servers/user_data.hpp>

namespace kavi::ops {

Secret with_host_key(std::string_view cloud_config, const net::SshKeyPair& key) {
    constexpr std::string_view first_line = "#cloud-config\n";
    if (!cloud_config.starts_with(first_line)) throw Error(errors::internal, "user data isn't cloud-config");
    auto config = parse_json(cloud_config.substr(first_line.size()), "the cloud-config");
    config["ssh_deletekeys"] = true;
    // An empty list would fall back to the default types in old releases: ed25519 is given, so none is made.
    config["ssh_genkeytypes"] = {"ed25519"};
    config["ssh_keys"] = {{"ed25519_private", key.private_key.reveal()},
                          {"ed25519_public", trim(key.public_line)}};
    auto text = std::string(first_line) + config.dump() + "\n";
    wipe(config["ssh_keys"]["ed25519_private"].get_ref<std::string&>());
    return Secret::take(text);
}

}  // namespace kavi::ops
