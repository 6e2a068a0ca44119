#pragma once

#include <kavi/base/json.hpp>
#include <kavi/model/problem.hpp>

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Compose files as a value. What kavi decides by is taken apart; the rest stays in each service's own
/// subtree. Source of the rules: the Compose specification, and Docker Compose 2.26 to 2.40 where it is
/// silent.
namespace kavi::model {

struct ComposeDependency {
    enum class Condition { started, healthy, completed } condition = Condition::started;
    bool required = true;
    bool restart = false;
};

struct ComposeHealthcheck {
    std::vector<std::string> test;  ///< "CMD" or "CMD-SHELL" first; empty: the image's own
    bool disabled = false;
    std::optional<std::chrono::milliseconds> interval, timeout, start_period, start_interval;
    std::optional<int> retries;
};

struct ComposePort {
    std::string host_ip;    ///< empty: every address
    std::string published;  ///< "443", "8000-8010"; empty: any free port
    std::string target;
    std::string protocol = "tcp";
    Position at;
};

struct ComposeMount {
    enum class Kind { volume, bind, tmpfs, other } kind = Kind::volume;
    std::string source;  ///< volume: its name in the file (empty: anonymous); bind: the path as written,
                         ///< "./x" or "/x"
    std::string target;
    bool read_only = false;
    bool create_host_path = true;
    Position at;
};

/// A secret or config as a service uses it.
struct ComposeGrant {
    std::string source;  ///< name in the top-level section
    std::string target;  ///< as written; secrets: below /run/secrets unless absolute
    Position at;
};

struct ComposeEnvFile {
    std::string path;
    bool required = true;
    Position at;
};

struct ComposeService {
    std::string name;
    std::string image;
    std::optional<std::string> container_name;
    std::string restart = "no";
    std::optional<std::vector<std::string>> entrypoint, command;
    std::map<std::string, ComposeDependency> depends_on;
    std::optional<ComposeHealthcheck> healthcheck;
    std::map<std::string, std::optional<std::string>>
        environment;  ///< not interpolated: "${SMTP_PASSWORD:-}"
    std::vector<ComposeEnvFile> env_files;
    std::vector<ComposeGrant> secrets, configs;
    std::vector<ComposeMount> mounts;
    std::vector<std::string> networks;  ///< {"default"} where the file says nothing
    std::vector<ComposePort> ports;
    std::map<std::string, std::string> labels;
    std::vector<std::string> profiles;
    std::set<std::string> variables;  ///< names that its subtree, or what it refers to, interpolates
    Json subtree;                     ///< merged, not interpolated, without what doesn't change a container
    Position at;                      ///< of its key
    Position image_at;
    std::map<std::string, Position> label_positions;
};

/// A secret or config of the top level. Exactly one of file and environment is set, unless it is external.
struct ComposeSource {
    std::string name;
    std::string file;                        ///< interpolated; "$KAVI_SECRETS/NAME" stays as in `kavi_secret`
    std::optional<std::string> kavi_secret;  ///< NAME, where the file is ${KAVI_SECRETS}/NAME
    std::string environment;
    std::string content;  ///< configs: inline, not interpolated
    bool external = false;
    Json subtree;
    Position at;
};

struct ComposeVolume {
    std::string name;       ///< in the file
    std::string real_name;  ///< of the engine: "production_postgres-data", or what `name:` says
    bool external = false;
    Json subtree;
    Position at;
};

struct ComposeNetwork {
    std::string name, real_name;
    bool external = false, internal = false;
    Json subtree;
    Position at;
};

/// Where a variable is asked for, and what happens without it.
struct VariableUse {
    std::string name;
    bool has_default = false;
    bool required = false;  ///< ${NAME:?…} or ${NAME?…}
    std::string message;    ///< of a required one
    Position at;
    std::set<std::string> services;  ///< that need it
};

struct ComposeProject {
    std::string name;
    std::vector<std::string> files;  ///< as given
    std::map<std::string, ComposeService> services;
    std::map<std::string, ComposeNetwork> networks;
    std::map<std::string, ComposeVolume> volumes;
    std::map<std::string, ComposeSource> secrets, configs;
    std::vector<VariableUse> variables;
};

/// What is known of a variable while reading: its value, that there is none, or that it will be known later
/// (a secret from Infisical): then it stands in the text as it was written.
struct Variable {
    enum class State { known, absent, later } state = State::absent;
    std::string value;
};

using VariableLookup = std::function<Variable(std::string_view name)>;

/// A compose file's text and what it is called.
struct ComposeText {
    std::string path;
    std::string text;
};

/// Reads one project of one or more files, later ones over earlier ones as Compose merges them. `include`,
/// `extends`, `build` without `image`, and whatever Compose would refuse in what is read here, are problems.
/// `name` is the project's name (COMPOSE_PROJECT_NAME).
ComposeProject read_compose(const std::string& name,
                            const std::vector<ComposeText>& files,
                            const VariableLookup& lookup,
                            Problems& problems);

/// A name that is used without a default, or with `:?`, and isn't among `known`.
std::vector<VariableUse> missing_variables(const ComposeProject& project, const std::set<std::string>& known);

/// Interpolates as Compose does: $NAME, ${NAME}, ${NAME:-x}, ${NAME-x}, ${NAME:?x}, ${NAME?x}, ${NAME:+x},
/// ${NAME+x}, $$; any other dollar that no brace follows is a dollar. nullopt: it isn't a template ("${", "${a b}",
/// …) or a required variable is absent; `why`, where given, says which.
std::optional<std::string> interpolate(std::string_view text,
                                       const VariableLookup& lookup,
                                       std::string* why = nullptr);

/// One thing that a container is made of. Its digest is the caller's, who has the secrets and the files.
struct FingerprintInput {
    enum class Kind {
        text,         ///< `content` itself
        variable,     ///< the value of the variable `content` (absent counts as a value of its own)
        kavi_secret,  ///< the file `content` of the stack's [secrets]
        file,         ///< the file or folder `content`, relative to the project's folder: names, modes, bytes
    } kind = Kind::text;
    std::string
        name;  ///< for people: "compose", "variable LOG_LEVEL", "secret POSTGRES_PASSWORD", "file ./redis.sh"
    std::string content;
    std::string digest_key() const;  ///< stable, unique within the service
};

/// Everything that decides what the service's container is, in a fixed order: its own subtree, image, each
/// variable, env file, secret, config, bound file, network and volume. depends_on and profiles are left out:
/// changing them needs no new container.
std::vector<FingerprintInput> fingerprint_inputs(const ComposeProject& project, const std::string& service);

/// Host names in a Traefik rule: every Host(`a`) and Host(`a`, `b`). Backquotes and double quotes alike.
std::vector<std::string> traefik_hosts(std::string_view rule);

}  // namespace kavi::model
