#include <kavi/base/error_codes.hpp>
#include <kavi/ops/dns/verify.hpp>

#include <map>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::ops;

namespace {

/// Name servers that give each answer in turn, the last one for ever. An absent name gets no answer at all.
class ScriptedAnswers final : public NameAnswers {
  public:
    using Answers = std::vector<std::vector<std::string>>;

    std::optional<std::vector<std::string>> ask(const std::string& server,
                                                const std::string& name,
                                                const std::string& type,
                                                std::stop_token) override {
        ++asked;
        const auto key = server + " " + type + " " + name;
        const auto found = answers.find(key);
        if (found == answers.end()) return std::nullopt;
        auto& list = found->second;
        auto answer = list.front();
        if (list.size() > 1) list.erase(list.begin());
        return answer;
    }

    std::map<std::string, Answers> answers;
    int asked = 0;
};

class ScriptedEdge final : public net::Transport {
  public:
    net::Response send(const net::Request& request, std::stop_token) override {
        urls.push_back(request.method + " " + request.url);
        if (status == 0) throw net::NetworkError(net::NetworkFailure::tls, true, "certificate doesn't fit");
        return {.status = status};
    }

    std::vector<std::string> urls;
    int status = 200;
};

struct Verified {
    std::vector<std::string> problems;
    std::chrono::seconds waited;
};

struct Fixture {
    ScriptedAnswers answers;
    ScriptedEdge edge;
    ManualClock clock{std::chrono::system_clock::time_point{}};
    plan::Plan plan;
    DnsObservation seen;
    std::vector<std::string> done;

    Fixture() { seen["kua.cl"].zone = {.name = "kua.cl", .name_servers = {"ada", "bob"}}; }

    void add(DnsChange change) {
        change.zone = "kua.cl";
        plan::Action action;
        action.id = "a" + std::to_string(plan.actions.size());
        action.payload = std::make_shared<DnsChange>(std::move(change));
        done.push_back(action.id);
        plan.actions.push_back(std::move(action));
    }

    void makes(const std::string& type,
               const std::string& name,
               const std::string& value,
               bool proxied = false) {
        DnsChange change;
        change.after = {type, name, value, 1, proxied, ""};
        add(std::move(change));
    }

    void removes(const std::string& type, const std::string& name, const std::string& value) {
        DnsChange change;
        change.kind = DnsChange::Kind::remove;
        change.before = LiveRecord{.id = "x", .record = {type, name, value, 1, false, ""}};
        add(std::move(change));
    }

    Verified run() {
        const auto began = clock.steady();
        Verified verified;
        for (const auto& one :
             verify_dns(plan, done, seen, {answers, edge, clock, std::chrono::seconds(60)}, {}))
            verified.problems.push_back(one.what + ": " + one.problem + (one.unknown ? " (unknown)" : ""));
        verified.waited = std::chrono::duration_cast<std::chrono::seconds>(clock.steady() - began);
        return verified;
    }
};

}  // namespace

TEST_CASE("after a change, every name server is asked until it agrees") {
    Fixture fixture;
    fixture.makes("A", "git.kua.cl", "192.0.2.2");
    fixture.makes("TXT", "t.kua.cl", "say \"hi\"");
    fixture.removes("A", "old.kua.cl", "192.0.2.9");
    fixture.answers.answers = {
        {"ada A git.kua.cl", {{"192.0.2.2"}}},
        {"bob A git.kua.cl", {{}, {"192.0.2.1"}, {"192.0.2.2", "192.0.2.3"}}},
        {"ada TXT t.kua.cl", {{"\"say \\\"hi\\\"\""}}},
        {"bob TXT t.kua.cl", {{"\"say \" \"\\\"hi\\\"\""}}},
        {"ada A old.kua.cl", {{}}},
        {"bob A old.kua.cl", {{"192.0.2.9"}, {}}},
    };
    const auto verified = fixture.run();
    CHECK(verified.problems.empty());
    CHECK(fixture.answers.asked == 9);  // six, then two again, then one
    CHECK(verified.waited < std::chrono::seconds(5));
    CHECK(fixture.edge.urls.empty());
}

TEST_CASE("what doesn't agree by the deadline is said, and what nobody could be asked about too") {
    Fixture fixture;
    fixture.makes("A", "git.kua.cl", "192.0.2.2");
    fixture.makes("MX", "kua.cl", "10 mail.example.net");
    fixture.removes("A", "old.kua.cl", "192.0.2.9");
    fixture.answers.answers = {
        {"ada A git.kua.cl", {{"192.0.2.2"}}},
        {"bob A git.kua.cl", {{"192.0.2.1"}}},
        {"ada A old.kua.cl", {{"192.0.2.9"}}},
        {"bob A old.kua.cl", {{}}},
        {"ada MX kua.cl", {{"10 Mail.Example.net."}}},
    };
    const auto verified = fixture.run();
    CHECK(verified.problems == std::vector<std::string>{"A git.kua.cl: bob still says 192.0.2.1",
                                                        "A old.kua.cl: ada still says 192.0.2.9",
                                                        "MX kua.cl: bob gave no answer (unknown)"});
    CHECK(verified.waited > std::chrono::seconds(50));
    CHECK(verified.waited <= std::chrono::seconds(60));
}

TEST_CASE("proxied names get one request, and their addresses aren't compared") {
    Fixture fixture;
    fixture.seen["kua.cl"].zone.name_servers = {"ada"};
    fixture.makes("A", "www.kua.cl", "192.0.2.1", true);
    fixture.makes("AAAA", "www.kua.cl", "2001:db8::1", true);
    fixture.makes("CNAME", "cdn.kua.cl", "example.net", true);
    fixture.makes("A", "*.kua.cl", "192.0.2.1", true);
    fixture.answers.answers = {{"ada A www.kua.cl", {{"104.16.0.1"}}},
                               {"ada AAAA www.kua.cl", {{"2606:4700::1"}}},
                               {"ada A cdn.kua.cl", {{"104.16.0.1"}}}};
    CHECK(fixture.run().problems.empty());
    CHECK(fixture.edge.urls ==
          std::vector<std::string>{"HEAD https://www.kua.cl/", "HEAD https://cdn.kua.cl/"});
    SECTION("the edge can't reach the server") {
        fixture.edge.status = 522;
        CHECK(fixture.run().problems[0] ==
              "https://www.kua.cl/: Cloudflare answers 522: it can't reach the server behind it");
    }
    SECTION("no certificate") {
        fixture.edge.status = 0;
        CHECK(fixture.run().problems[0] == "https://www.kua.cl/: certificate doesn't fit");
    }
    SECTION("only what was carried out counts") {
        fixture.done.clear();
        fixture.edge.urls.clear();
        CHECK(fixture.run().problems.empty());
        CHECK(fixture.edge.urls.empty());
    }
}
