#include "world.hpp"

#include <kavi/ops/trust/rotate.hpp>

#include <algorithm>
#include <set>

#include <support/catch.hpp>

namespace {

/// A server as seen by SSH: which host key it shows, and what kavi's runner does to that.
struct Machine {
    std::string first;  ///< the one-time key's digest
    std::optional<net::SshKeyPair> own;
    bool switched = false;
    bool confirmed = false;
    std::string dies_after;  ///< the line breaks after this operation took effect, once
    int unreachable = 0;     ///< so many connections find nobody
    std::vector<std::string> calls;

    std::string shown() const { return switched ? own->digest : first; }

    /// Two minutes pass: what wasn't confirmed is undone.
    void time_passes() {
        if (!confirmed) switched = false;
    }

    Json call(const host::Operation& operation) {
        calls.push_back(operation.name);
        Json result = Json::object();
        if (operation.name == "trust/make") {
            if (!own) own = net::make_ed25519_key();
            result = {{"public", own->public_line}};
        }
        if (operation.name == "trust/switch") switched = true;
        if (operation.name == "trust/settle") {
            if (!switched) throw Error(errors::remote_failed, "sshd went back to its old host key");
            confirmed = true;
            first.clear();
        }
        if (dies_after == operation.name) {
            dies_after.clear();
            throw Error(errors::ssh_unreachable, "the line broke");
        }
        return result;
    }
};

class MachineHost final : public host::Host {
  public:
    explicit MachineHost(Machine& machine) : machine_(machine) {}

    const std::string& name() const override { return name_; }

    Json call(const host::Operation& operation, const host::EventSink&, std::stop_token) override {
        return machine_.call(operation);
    }

  private:
    Machine& machine_;
    std::string name_ = "bruno";
};

class MachineDialer final : public host::HostDialer {
  public:
    explicit MachineDialer(Machine& machine) : machine_(machine) {}

    std::unique_ptr<host::Host> open(const net::SshTarget& target, std::stop_token) override {
        if (machine_.unreachable > 0) {
            --machine_.unreachable;
            throw Error(errors::ssh_unreachable, "nobody answers");
        }
        if (target.pins.empty()) throw Error(errors::host_key_unpinned, "no pins");
        if (std::ranges::find(target.pins, machine_.shown()) == target.pins.end())
            throw Error(errors::host_key_changed, "another key");
        pins.push_back(target.pins);
        return std::make_unique<MachineHost>(machine_);
    }

    std::vector<std::vector<std::string>> pins;  ///< what each connection accepted

  private:
    Machine& machine_;
};

struct TrustWorld : World {
    Machine machine;
    std::optional<MachineDialer> dialer;

    /// One run of kavi: observes, plans, and carries the plan out, perhaps not to its end.
    run::Report deploy(const std::string& kill_at = "") {
        dialer.emplace(machine);
        facts.forget("bruno");
        const auto names = hetzner_servers(estate, {});
        const auto seen = observe_hetzner(estate, names, cloud, {});
        const auto managed = managed_servers(estate, names, seen, pin_key);
        for (const auto& [name, one] : managed) facts.learn(name, facts_of(one));
        last = plan_servers({estate, names, seen, managed, user_data});
        const auto trust = plan_trust(estate, names, managed, last);
        last.actions.insert(last.actions.end(), trust.actions.begin(), trust.actions.end());
        plan::sort_by_needs(last);
        return carry_out(kill_at);
    }

    run::Report carry_out(const std::string& kill_at) {
        Hosts hosts(estate, facts, *dialer, clock, {});
        HetznerHandlers hetzner({cloud, facts, clock, pin_key, [this] {
                                     auto key = net::make_ed25519_key("boot");
                                     machine = {.first = key.digest};
                                     return key;
                                 }});
        TrustHandler trust({cloud, hosts, facts, clock, pin_key, estate.name, 30s});
        run::Handlers handlers;
        hetzner.add_to(handlers);
        trust.add_to(handlers);
        KillAt boundary(kill_at);
        run::Listener listener;
        return run::execute(last, handlers, boundary, listener, clock, {});
    }

    std::optional<Trust> trust() { return read_trust(cloud.servers({}).at(0), "kavi", pin_key); }

    void require_settled() {
        const auto now = trust();
        REQUIRE(now);
        CHECK(now->phase == TrustPhase::ready);
        CHECK(now->pins == std::vector<std::string>{machine.own->digest});
        CHECK(machine.shown() == machine.own->digest);
        CHECK(machine.confirmed);
        CHECK(machine.first.empty());
        CHECK(facts.find("bruno")->pins == now->pins);
    }

    plan::Plan last;
};

}  // namespace

TEST_CASE("a new server ends up with a key that only it knows, and its pin alone") {
    TrustWorld world;
    world.machine.unreachable = 3;
    CHECK(failures(world.deploy()).empty());
    world.require_settled();
    CHECK(
        world.machine.calls ==
        std::vector<std::string>{"machine/wait", "trust/make", "trust/make", "trust/switch", "trust/settle"});
    REQUIRE(world.dialer->pins.size() == 2);
    CHECK(world.dialer->pins[0].size() == 1);
    CHECK(world.dialer->pins[1] == std::vector<std::string>{world.machine.own->digest});
    CHECK(world.deploy().actions.empty());
}

TEST_CASE("killed between any two steps, with or without two minutes passing, the next run goes on") {
    const auto step = GENERATE(as<std::string>{},
                               "server/bruno",
                               "trust/bruno/make",
                               "trust/bruno/announce",
                               "trust/bruno/switch",
                               "trust/bruno/settle");
    const auto edge = GENERATE(as<std::string>{}, "intent-written", "effect-done", "done-written");
    const auto waits = GENERATE(false, true);
    CAPTURE(step, edge, waits);
    TrustWorld world;
    world.deploy(step + ":" + edge);
    if (waits) world.machine.time_passes();
    CHECK(failures(world.deploy()).empty());
    world.require_settled();
    CHECK(world.cloud.servers({}).size() == 1);
    CHECK(world.deploy().actions.empty());
}

TEST_CASE("killed within a step, after the host did its part, the next run goes on") {
    const auto operation =
        GENERATE(as<std::string>{}, "machine/wait", "trust/make", "trust/switch", "trust/settle");
    const auto waits = GENERATE(false, true);
    CAPTURE(operation, waits);
    TrustWorld world;
    world.apply(world.plan(), "server/bruno:done-written");
    world.facts.forget("bruno");
    const auto servers = world.cloud.servers({});
    world.machine = {.first = read_trust(servers.at(0), "kavi", world.pin_key)->pins.at(0),
                     .dies_after = operation};
    CHECK_FALSE(failures(world.deploy()).empty());
    if (waits) world.machine.time_passes();
    CHECK(failures(world.deploy()).empty());
    world.require_settled();
}

TEST_CASE("a server that shows another key is never talked to") {
    TrustWorld world;
    world.deploy("trust/bruno/make:intent-written");
    const auto honest = world.machine.first;
    world.machine.first = sha256("somebody in between");
    const auto report = world.deploy();
    const auto failed = std::ranges::find(report.actions, "trust/bruno/make", &run::Done::id);
    REQUIRE(failed->error);
    CHECK(failed->error->code() == errors::host_key_changed);
    CHECK(world.machine.calls.empty());
    world.machine.first = honest;
    CHECK(failures(world.deploy()).empty());
    world.require_settled();
}

TEST_CASE("a pin that somebody plants with a stolen token is refused") {
    TrustWorld world;
    world.deploy();
    const auto id = world.cloud.servers({}).at(0).id;
    const auto planted = base32(sha256("mallory"));
    world.cloud.change_labels(id, {{"kavi-pin-1", planted}}, {});
    try {
        world.deploy();
        FAIL("no refusal");
    } catch (const Error& error) {
        CHECK(error.code() == errors::integrity);
    }
}

TEST_CASE("an adopted server's key goes from kavi.toml into its labels, once it was seen") {
    TrustWorld world;
    world.cloud.create_server({.name = "bruno",
                               .type = "cpx32",
                               .image = "ubuntu-24.04",
                               .location = "nbg1",
                               .labels = {{"kavi-estate", "kavi"}}},
                              {});
    world.machine.own = net::make_ed25519_key();
    world.machine.switched = world.machine.confirmed = true;
    auto& ssh = world.estate.servers.at("bruno").ssh;
    ssh.host_key = "SHA256:" + base64(sha256("another"), false);
    const auto refused = world.deploy();
    CHECK(std::ranges::find(refused.actions, "trust/bruno/record", &run::Done::id)->error->code() ==
          errors::host_key_changed);
    CHECK_FALSE(world.trust());
    ssh.host_key = "SHA256:" + base64(world.machine.own->digest, false);
    CHECK(failures(world.deploy()).empty());
    world.require_settled();
}
