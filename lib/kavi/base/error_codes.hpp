#pragma once

#include <kavi/base/error.hpp>

/// Every error code of kavi, by area. A new one gets a line in the table below (keep it sorted by number) and a
/// page docs/errors/KAVI-E<number>.md; a test checks both.
///   01xx the estate file and other input   02xx secrets   03xx stacks and services   04xx DNS
///   05xx servers and Hetzner   06xx SSH and hosts   07xx backups and stores   08xx sealing and integrity
///   09xx running: plan, lock, confirmation, interruption, network in general
#define KAVI_ERROR_CODES(code)                                                              \
    code("KAVI-E0100", usage, usage, "the command line makes no sense")                     \
    code("KAVI-E0101", config_missing, config, "no estate file found")                      \
    code("KAVI-E0102", config_invalid, config, "the estate file has problems")              \
    code("KAVI-E0103", config_untrusted, config, "the estate file isn't trusted here")      \
    code("KAVI-E0104", unknown_name, usage, "no such name in the estate")                   \
    code("KAVI-E0105", compose_invalid, config, "a compose file can't be used")             \
    code("KAVI-E0106", file_unreadable, config, "a file can't be read")                     \
    code("KAVI-E0107", file_unwritable, failed, "a file can't be written")                  \
    code("KAVI-E0108", json_invalid, failed, "something that should be JSON isn't")         \
    code("KAVI-E0201", credentials_missing, credentials, "credentials are missing")         \
    code("KAVI-E0202", credentials_refused, credentials, "credentials were refused")        \
    code("KAVI-E0203", rights_missing, credentials, "the credentials lack a right")         \
    code("KAVI-E0204", secret_missing, config, "a secret that the estate names isn't there") \
    code("KAVI-E0205", secret_unfit, config, "a secret can't be carried in this form")      \
    code("KAVI-E0206", secrets_unavailable, unreachable, "Infisical can't be used now")     \
    code("KAVI-E0207", sealed_needed, refused, "a change needs --sealed while Infisical is down") \
    code("KAVI-E0208", infisical_refused, failed, "Infisical refused a request")            \
    code("KAVI-E0301", service_unhealthy, failed, "a service didn't become healthy")        \
    code("KAVI-E0302", image_pull_failed, failed, "an image couldn't be pulled")            \
    code("KAVI-E0303", compose_failed, failed, "docker compose failed")                     \
    code("KAVI-E0401", dns_refused, refused, "a guard stopped a DNS change")                \
    code("KAVI-E0402", dns_failed, failed, "a DNS change failed")                           \
    code("KAVI-E0501", hetzner_failed, failed, "Hetzner refused or failed a request")       \
    code("KAVI-E0502", primary_ip_missing, config, "a primary IP of the estate doesn't exist") \
    code("KAVI-E0503", foreign_owner, refused, "something of that name belongs to somebody else") \
    code("KAVI-E0601", ssh_unreachable, unreachable, "a server can't be reached by SSH")    \
    code("KAVI-E0602", ssh_auth, credentials, "a server refused the SSH key")               \
    code("KAVI-E0603", host_key_changed, integrity, "a server's host key isn't the pinned one") \
    code("KAVI-E0604", remote_failed, failed, "a step on a server failed")                  \
    code("KAVI-E0605", host_key_unpinned, integrity, "a server has no pinned host key")     \
    code("KAVI-E0701", store_failed, failed, "a store refused or failed a request")         \
    code("KAVI-E0702", store_full, failed, "a store has no space left")                     \
    code("KAVI-E0703", store_missing, failed, "a store has no such file")                   \
    code("KAVI-E0704", backup_failed, failed, "something couldn't be backed up")            \
    code("KAVI-E0705", restore_failed, failed, "something couldn't be restored")            \
    code("KAVI-E0706", backup_missing, failed, "there is no such backup")                   \
    code("KAVI-E0707", backup_untrusted, integrity, "a backup isn't signed by a known server") \
    code("KAVI-E0708", prune_refused, refused, "a guard stopped the pruning of backups")    \
    code("KAVI-E0801", integrity, integrity, "data isn't what it should be")                \
    code("KAVI-E0802", sealed_unreadable, integrity, "a sealed file can't be opened")       \
    code("KAVI-E0901", plan_stale, refused, "the world has moved since the plan")           \
    code("KAVI-E0902", confirmation_required, confirmation, "an answer is needed")          \
    code("KAVI-E0903", lock_held, locked, "another run holds the lock")                     \
    code("KAVI-E0904", interrupted, interrupted, "interrupted")                             \
    code("KAVI-E0905", network_failed, unreachable, "a network request failed")             \
    code("KAVI-E0906", address_forbidden, refused, "an address may not be contacted")     \
    code("KAVI-E0907", state_unexpected, refused, "something changed while kavi was running") \
    code("KAVI-E0908", checkout_stale, refused, "the checkout is older than what was deployed") \
    code("KAVI-E0950", lab_failed, failed, "the lab couldn't do something")                   \
    code("KAVI-E0999", internal, failed, "kavi has a bug")

namespace kavi::errors {
#define KAVI_DECLARE(id, name, exit, title) inline constexpr ErrorCode name{id, Exit::exit, title};
KAVI_ERROR_CODES(KAVI_DECLARE)
#undef KAVI_DECLARE
}  // namespace kavi::errors
