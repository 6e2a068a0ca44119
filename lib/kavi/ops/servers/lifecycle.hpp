#pragma once

#include <kavi/ops/servers/observe.hpp>
#include <kavi/plan/plan.hpp>

#include <string>

/// What `kavi server adopt`, `release` and `destroy` do at Hetzner. All pure; hetzner_handlers and
/// TrustHandler carry the plans out.
namespace kavi::ops {

/// Deletes a server of kavi's, its protection lifted first, and the firewall that was its own. The name has
/// to be typed. Its primary IP stays and is noted. Works for one that the estate file doesn't have any more.
/// A server that isn't there gives an empty plan; another's throws errors::foreign_owner.
plan::Plan plan_destroy(const model::Estate& estate, const std::string& name, const HetznerObservation& seen);

/// Takes over a server that a person or Terraform made: the owner's label on it and on the firewall of its
/// name, and the host key that kavi.toml names into its labels once a connection has shown it. Nothing on the
/// server changes. Throws errors::hetzner_failed where there is no such server, foreign_owner where another
/// estate has it, host_key_unpinned where kavi.toml has no host_key for it.
plan::Plan plan_adopt(const model::Estate& estate, const std::string& name, const HetznerObservation& seen);

/// What of the adoption a run has to know before it connects: address, id and the pin of kavi.toml.
ServerFacts facts_for_adoption(const model::Server& declared, const api::HetznerServer& server);

/// Gives a server back: every label of kavi's goes from it and from its firewall. Nothing on the server
/// changes.
plan::Plan plan_release(const model::Estate& estate, const std::string& name, const HetznerObservation& seen);

}  // namespace kavi::ops
