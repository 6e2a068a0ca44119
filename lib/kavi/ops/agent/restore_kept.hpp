#pragma once

#include <kavi/ops/agent/restore_docker.hpp>

#include <string>
#include <vector>

/// What restores have replaced and kept: it stays until somebody says that it may go.
namespace kavi::ops {

/// {"kept": {"targets": […], "drop": […]}} of a request: what is kept of these targets (docs/backups.md),
/// after those of `drop` have gone: {"kept": [{"target": 0, "name", "what": "database" or "folder", "run"}]}.
/// Nothing that isn't kept by a restore is ever dropped. Throws errors::restore_failed.
Json handle_kept(RestoreDocker& docker, const Json& asked);

}  // namespace kavi::ops
