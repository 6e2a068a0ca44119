#pragma once

#include <kavi/api/hetzner.hpp>
#include <kavi/net/ssh_keys.hpp>
#include <kavi/ops/run_facts.hpp>
#include <kavi/ops/servers/steps.hpp>
#include <kavi/run/executor.hpp>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace kavi::ops {

/// What handlers on Hetzner's side work with.
struct HetznerTools {
    api::HetznerCloud& cloud;
    RunFacts& facts;  ///< learns address, id and pins of servers that are made
    Clock& clock;
    const Secret& pin_key;  ///< purpose key "pin"
    /// Makes a server's one-time host key.
    std::function<net::SshKeyPair()> make_key = [] { return net::make_ed25519_key("kavi-boot"); };
};

/// Handlers for everything that plan_servers and lifecycle.hpp plan, by kind. Each is safe to repeat after
/// any interruption: a thing that was made in the meantime is found by its name.
class HetznerHandlers {
  public:
    explicit HetznerHandlers(HetznerTools tools);
    ~HetznerHandlers();

    void add_to(run::Handlers& handlers) const;

  private:
    struct Parts;
    std::unique_ptr<Parts> parts_;
};

}  // namespace kavi::ops
