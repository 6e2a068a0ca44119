#pragma once

#include "../command_table.hpp"

/// One define function a row; each lies in the file of its name.
namespace kavi::app {

Run define_backup(Arguments& arguments);
Run define_backup_list(Arguments& arguments);
Run define_backup_prune(Arguments& arguments);
Run define_backup_schedule(Arguments& arguments);
Run define_backup_verify(Arguments& arguments);
Run define_completion(Arguments& arguments);
Run define_config_check(Arguments& arguments);
Run define_config_schema(Arguments& arguments);
Run define_config_show(Arguments& arguments);
Run define_config_trust(Arguments& arguments);
Run define_deploy(Arguments& arguments);
Run define_dns_diff(Arguments& arguments);
Run define_dns_export(Arguments& arguments);
Run define_dns_import(Arguments& arguments);
Run define_dns_sync(Arguments& arguments);
Run define_dns_undo(Arguments& arguments);
Run define_explain(Arguments& arguments);
Run define_help(Arguments& arguments);
Run define_restore(Arguments& arguments);
Run define_recover(Arguments& arguments);
Run define_secrets_diff(Arguments& arguments);
Run define_secrets_escrow(Arguments& arguments);
Run define_secrets_pull(Arguments& arguments);
Run define_secrets_run(Arguments& arguments);
Run define_secrets_seal(Arguments& arguments);
Run define_secrets_set(Arguments& arguments);
Run define_secrets_unseal(Arguments& arguments);
Run define_secrets_unset(Arguments& arguments);
Run define_status(Arguments& arguments);

}  // namespace kavi::app
