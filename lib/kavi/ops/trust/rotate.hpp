#pragma once

#include <kavi/api/hetzner.hpp>
#include <kavi/ops/hosts.hpp>
#include <kavi/ops/servers/observe.hpp>
#include <kavi/plan/plan.hpp>
#include <kavi/run/executor.hpp>

#include <memory>
#include <span>
#include <string>

namespace kavi::ops {

/// The steps by which a new server gets a host key that only it knows (docs/architecture.md, "Trust, step by
/// step"), for servers that `servers` makes and for those that an earlier run left half-way. Ids
/// "trust/<server>/make", "announce", "switch", "settle"; "trust/<server>/record" writes the labels of a
/// server whose key stands in kavi.toml only (adopted). Kinds are "trust/make", …; the lane is the server's.
plan::Plan plan_trust(const model::Estate& estate,
                      std::span<const std::string> names,
                      const ManagedServers& managed,
                      const plan::Plan& servers);

/// "trust/<server>/record": the pin of kavi.toml into the server's labels, once a connection has shown that
/// key.
plan::Action trust_record_action(const std::string& server);

struct TrustTools {
    api::HetznerCloud& cloud;
    Hosts& hosts;
    RunFacts& facts;
    Clock& clock;
    const Secret& pin_key;
    std::string estate;
    /// How long a new server may take until it answers to SSH.
    std::chrono::milliseconds patience = std::chrono::minutes(5);
};

/// Carries out what plan_trust plans. Every step can be repeated, so a run that was killed between any two,
/// or within one, is taken up by the next: the labels say which keys the server may show, and the server
/// shows one of them.
class TrustHandler final : public run::Handler {
  public:
    explicit TrustHandler(TrustTools tools) : tools_(std::move(tools)) {}

    run::Look look(const plan::Action& action, std::stop_token stop) override;
    void apply(std::span<const plan::Action* const> batch, std::stop_token stop) override;
    void add_to(run::Handlers& handlers);

  private:
    struct Current;

    Current current(const std::string& server, std::stop_token stop);
    void write(const Current& current, const Trust& trust, std::stop_token stop);
    host::Host& first_contact(const std::string& server, std::stop_token stop);
    std::string own_key(const std::string& server, std::stop_token stop);

    void make(const std::string& server, std::stop_token stop);
    void announce(const std::string& server, std::stop_token stop);
    void switch_over(const std::string& server, std::stop_token stop);
    void settle(const std::string& server, std::stop_token stop);
    void record(const std::string& server, std::stop_token stop);

    TrustTools tools_;
};

}  // namespace kavi::ops
