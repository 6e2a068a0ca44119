#pragma once

#include <kavi/model/estate_file.hpp>
#include <kavi/ops/stacks/record.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

/// A stack as it is on its server.
namespace kavi::ops {

struct SeenContainer {
    std::string id, service, image, image_id;
    std::string state;   ///< "running", "exited", "created", "restarting", "paused", "dead"
    std::string health;  ///< "healthy", "unhealthy", "starting"; "" or "none": it has no check
    int exit_code = 0;
    int restarts = 0;
    bool oom_killed = false;
    std::vector<std::string> volumes;  ///< named ones
};

struct SeenFile {
    std::string sha256;  ///< hex; compared with what is wanted, never shown or kept
    std::string mode;    ///< "0644"
};

struct StackSeen {
    std::map<std::string, SeenContainer> containers;  ///< of the project, by service
    std::map<std::string, std::vector<std::string>>
        images;                                      ///< there already: by tag, its repository digests
    std::map<std::string, SeenFile> files, secrets;  ///< that kavi placed
    StackRecord record;
    Json raw_record;                    ///< as it lay there; null: none
    std::vector<std::string> releases;  ///< the latest ones that are listed, oldest first
};

/// The parts of the runner's facts that read_stack_seen needs beyond "docker" and "records", for all stacks
/// of a server.
Json stack_facts_parts(const model::LoadedEstate& loaded, const std::string& server);

/// Reads the facts of a server (null: it isn't made yet). Throws errors::remote_failed where Docker is there
/// and doesn't answer, since nothing could be decided then.
StackSeen read_stack_seen(const Json& facts, const model::Stack& stack);

}  // namespace kavi::ops
