#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace kavi::lab {

/// What the lab takes out of an estate file: names, addresses, ports, places. It checks nothing; kavi does
/// that.
struct EstateNames {
    struct Operator {
        std::string name, ssh, age;
    };

    struct Server {
        std::string name, provider, ipv4, host_key, type, image, location;
        bool protect = false;
    };

    struct Stack {
        std::string name, server, project, env;  ///< env: "secret:/folder"
        std::vector<std::string> compose;        ///< paths beside the estate file
        std::vector<std::string> vars;           ///< names
        std::vector<std::string> secrets;        ///< names of files
    };

    /// A service of a server that kavi only watches.
    struct Watched {
        std::string name, server, http, tcp;
    };

    struct Domain {
        std::string name, service;
        bool proxied = false;
    };

    struct Box {
        std::string name, host, host_key;
        int port = 23;
        std::map<std::string, std::string> users;  ///< write, prune, read → account
        std::map<std::string, std::string> keys;   ///< prune, read, admin → "secret:/…" or "sealed:/…"
        std::string mount_user;
    };

    struct Objects {
        std::string endpoint, access_key, secret_key;
        std::vector<std::string> buckets;
    };

    std::filesystem::path file;
    std::string project = "infrastructure", environment = "prod";
    std::vector<Operator> operators;
    std::vector<Server> servers;
    std::vector<Stack> stacks;
    std::vector<Watched> watched;
    std::vector<Domain> domains;
    std::vector<std::string> zones;
    std::vector<Box> boxes;
    std::vector<Objects> objects;
    std::vector<std::string> references;  ///< every "secret:/…" and "sealed:/…" in the file, sorted

    const Server* find_server(const std::string& name) const;
    /// The server that a domain's service runs on; nullptr: nobody knows.
    const Server* server_of(const Domain& domain) const;
};

/// Throws where the file can't be read as TOML.
EstateNames read_estate_names(const std::filesystem::path& file);

/// The variables "${NAME…}" and the "image:" lines of a compose file, without understanding YAML.
struct ComposeNames {
    std::vector<std::string> variables;
    std::vector<std::string> images;
};

ComposeNames read_compose_names(const std::filesystem::path& file);

}  // namespace kavi::lab
