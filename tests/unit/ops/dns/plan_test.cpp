#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/dns/plan.hpp>
#include <kavi/ops/dns/undo.hpp>

#include <algorithm>
#include <set>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::ops;

namespace {

model::Estate estate_of(std::vector<model::DeclaredRecord> records) {
    model::Estate estate;
    estate.name = "kavi";
    estate.zones["kua.cl"] = {.name = "kua.cl", .max_deletes = 100000};
    estate.servers["bruno"] = {.name = "bruno"};
    estate.servers["bruno"].ipv4 = "192.0.2.1";
    for (auto& one : records) one.zone = "kua.cl";
    estate.records = std::move(records);
    return estate;
}

LiveRecord live(const std::string& id,
                const std::string& type,
                const std::string& name,
                const std::string& value,
                const std::string& comment = "kavi:kavi",
                bool proxied = false) {
    return {.id = id, .record = {type, name, value, 1, proxied, comment}};
}

DnsObservation seen(std::vector<LiveRecord> records, const std::string& plan = "free") {
    ZoneObservation zone;
    zone.zone = {.id = "z", .name = "kua.cl", .status = "active", .type = "full", .plan = plan};
    zone.records = std::move(records);
    return {{"kua.cl", zone}};
}

DnsPlan plan_of(const model::Estate& estate, const DnsObservation& observation) {
    return plan_dns(estate, {{"forgejo", "bruno"}, {"kuanary", "bruno"}}, {}, observation);
}

/// "+ dns/kua.cl/A/a: 192.0.2.1", a line an action.
std::vector<std::string> lines(const DnsPlan& plan) {
    std::vector<std::string> lines;
    for (const auto& action : plan.plan.actions)
        lines.push_back(std::string(plan::name_of(action.verb)) + " " + action.id + ": " + action.reason);
    return lines;
}

std::string note_with(const DnsPlan& plan, const std::string& word) {
    for (const auto& note : plan.plan.notes)
        if (note.find(word) != std::string::npos) return note;
    return "";
}

model::DeclaredRecord record(const std::string& type, const std::string& name, const std::string& content) {
    model::DeclaredRecord declared{.type = type, .name = name};
    declared.content = content;
    return declared;
}

model::Domain domain(const std::string& name, const std::string& service, bool proxied) {
    return {.name = name, .service = service, .proxied = proxied};
}

}  // namespace

TEST_CASE(
    "DNS plan: what is missing is made, what differs is changed in place, what is ours and undeclared goes") {
    const auto plan = plan_of(estate_of({record("A", "a", "192.0.2.1"),
                                         record("A", "b", "192.0.2.3"),
                                         record("A", "c", "192.0.2.4"),
                                         record("TXT", "t", "x")}),
                              seen({live("1", "A", "b.kua.cl", "192.0.2.2"),
                                    live("2", "A", "c.kua.cl", "192.0.2.4"),
                                    live("3", "A", "d.kua.cl", "192.0.2.5"),
                                    live("4", "TXT", "t.kua.cl", "x", "by hand"),
                                    live("5", "A", "e.kua.cl", "192.0.2.6", "")}));
    CHECK(lines(plan) == std::vector<std::string>{
                             "create dns/kua.cl/A/a: 192.0.2.1",
                             "update dns/kua.cl/A/b: 192.0.2.2 → 192.0.2.3",
                             "delete dns/kua.cl/A/d: 192.0.2.5",
                             "update dns/kua.cl/TXT/t: \"x\"",
                         });
    CHECK(plan.plan.unchanged == std::vector<std::pair<std::string, int>>{{"record", 1}});
    CHECK(plan.unmanaged.size() == 1);
    CHECK(note_with(plan, "left alone") == "1 record that isn't kavi's is left alone: A e.kua.cl");
    CHECK(plan.plan.actions[2].question == plan::Question::yes_no);
    CHECK(plan.plan.actions[0].question == plan::Question::none);
    CHECK(plan.plan.actions[3].effect == "adopted");
    CHECK(plan.plan.actions[0].lane == "dns/kua.cl");
    for (const auto& action : plan.plan.actions) CHECK(action.batch == "dns/kua.cl/1");
    REQUIRE(plan.steps.size() == 4);
    CHECK(plan.steps[0].role == DnsRole::creation);
    CHECK(plan.steps[1].role == DnsRole::move);
    CHECK(plan.steps[2].role == DnsRole::other);
    CHECK(plan.steps[3].role == DnsRole::other);
    plan.require_allowed();
}

TEST_CASE("DNS plan: domains say which service they lead to, and unknown addresses are references") {
    auto estate = estate_of({});
    estate.domains["git.kua.cl"] = domain("git.kua.cl", "forgejo", false);
    estate.domains["git.kua.cl"].exposes_origin = "SSH";
    estate.domains["cdn.kua.cl"] = domain("cdn.kua.cl", "kuanary", true);
    auto plan = plan_of(estate, seen({live("1", "A", "cdn.kua.cl", "192.0.2.9", "kavi:kavi", true)}));
    CHECK(lines(plan) == std::vector<std::string>{
                             "update dns/kua.cl/A/cdn: 192.0.2.9 → 192.0.2.1",
                             "create dns/kua.cl/A/git: 192.0.2.1",
                         });
    CHECK(plan.steps[0].service == "kuanary");
    CHECK(plan.steps[0].role == DnsRole::move);
    CHECK(plan.steps[1].service == "forgejo");
    CHECK(plan.steps[1].role == DnsRole::creation);
    CHECK(plan.plan.notes.empty());  // the origin's address is published on purpose

    estate.servers["bruno"].ipv4.reset();
    plan = plan_of(estate, seen({live("1", "A", "cdn.kua.cl", "192.0.2.9", "kavi:kavi", true)}));
    CHECK(lines(plan) == std::vector<std::string>{
                             "update dns/kua.cl/A/cdn: 192.0.2.9 → server:bruno/ipv4",
                             "create dns/kua.cl/A/git: server:bruno/ipv4",
                         });
    const auto& payload = dynamic_cast<const DnsChange&>(*plan.plan.actions[0].payload);
    CHECK(payload.reference == "server:bruno/ipv4");
    // An alias makes way for the domain's address: both move together.
    plan = plan_of(estate,
                   seen({live("1", "CNAME", "git.kua.cl", "old.example"),
                         live("2", "A", "cdn.kua.cl", "192.0.2.9", "kavi:kavi", true)}));
    CHECK(plan.steps[1].role == DnsRole::move);
    CHECK(plan.steps[2].role == DnsRole::move);
    CHECK(plan.steps[2].service == "forgejo");
}

TEST_CASE("DNS plan: the digest is bound to the zone as it was") {
    const auto estate = estate_of({record("A", "a", "192.0.2.1")});
    const auto digest = [&](std::vector<LiveRecord> records) {
        return plan::digest(plan_of(estate, seen(std::move(records))).plan);
    };
    const auto base = digest({});
    CHECK(digest({}) == base);
    CHECK(digest({live("1", "TXT", "_acme-challenge.kua.cl", "token", "")}) == base);  // comes and goes
    CHECK(digest({live("1", "TXT", "a.kua.cl", "x", "")}) != base);                    // the same name
    CHECK(digest({live("1", "A", "b.kua.cl", "192.0.2.2")}) != base);                  // one more of ours
    const auto with = [&](const std::string& id) { return digest({live(id, "A", "a.kua.cl", "192.0.2.2")}); };
    CHECK(with("1") != with("2"));  // another record in the same place
}

TEST_CASE("DNS plan: batches hold what the zone's plan allows, and what belongs together") {
    std::vector<model::DeclaredRecord> records;
    std::vector<LiveRecord> there;
    for (int i = 0; i < 450; ++i) {
        records.push_back(record("A", "h" + std::to_string(i), "192.0.2.1"));
        if (i % 3 == 0)
            there.push_back(
                live(std::to_string(i), "CNAME", "h" + std::to_string(i) + ".kua.cl", "example.net"));
    }
    // 450 creations, 150 of them with a deletion: 600 changes, 3 batches of 200.
    const auto plan = plan_of(estate_of(records), seen(there));
    std::map<std::string, std::size_t> size;
    std::map<std::string, std::set<std::string>> batches_of_name;
    for (const auto& action : plan.plan.actions) {
        ++size[action.batch];
        batches_of_name[action.id.substr(action.id.rfind('/'))].insert(action.batch);
    }
    CHECK(plan.plan.actions.size() == 600);
    CHECK(size.size() == 3);
    for (const auto& [batch, count] : size) CHECK(count <= 200);
    for (const auto& [name, batches] : batches_of_name) CHECK(batches.size() == 1);
    CHECK(plan_of(estate_of(records), seen(there, "pro")).plan.actions.back().batch == "dns/kua.cl/1");
}

TEST_CASE("DNS plan: a group larger than a batch is made in order") {
    std::vector<LiveRecord> there;
    for (int i = 0; i < 250; ++i)
        there.push_back(live(std::to_string(i),
                             "A",
                             "x.kua.cl",
                             "192.0." + std::to_string(i / 200) + "." + std::to_string(i % 200)));
    const auto plan = plan_of(estate_of({record("CNAME", "x", "example.net")}), seen(there));
    CHECK(plan.plan.actions.size() == 251);
    const auto create = std::ranges::find(plan.plan.actions, plan::Verb::create, &plan::Action::verb);
    REQUIRE(create != plan.plan.actions.end());
    CHECK(create->batch == "dns/kua.cl/2");
    CHECK(create->after.size() == 1);
    CHECK(std::ranges::count(plan.plan.actions, "dns/kua.cl/1", &plan::Action::batch) == 200);
    std::set<std::string> ids;
    for (const auto& action : plan.plan.actions) ids.insert(action.id);
    CHECK(ids.size() == 251);
    CHECK(ids.contains("dns/kua.cl/A/x/250"));
}

TEST_CASE("DNS plan: published origins are noted") {
    auto estate = estate_of({});
    estate.domains["git.kua.cl"] = domain("git.kua.cl", "forgejo", false);
    estate.domains["cdn.kua.cl"] = domain("cdn.kua.cl", "kuanary", true);
    const auto origin_note =
        "A git.kua.cl publishes 192.0.2.1, the address behind the proxied cdn.kua.cl; if that is meant, say "
        "why in exposes_origin";
    CHECK(note_with(plan_of(estate, seen({})), "publishes") == origin_note);
    SECTION("by another's record") {
        estate.domains.erase("git.kua.cl");
        CHECK(
            note_with(plan_of(estate, seen({live("1", "A", "old.kua.cl", "192.0.2.1", "")})), "publishes") ==
            "A old.kua.cl (not kavi's) publishes 192.0.2.1, the address behind the proxied cdn.kua.cl");
    }
    SECTION("by mail and SPF") {
        estate.domains.erase("git.kua.cl");
        estate.records = {record("A", "mail", "192.0.2.1"),
                          record("MX", "@", "10 mail.kua.cl"),
                          record("TXT", "@", "v=spf1 ip4:192.0.2.0/28 -all")};
        for (auto& one : estate.records) one.zone = "kua.cl";
        const auto plan = plan_of(estate, seen({}));
        CHECK(note_with(plan, "MX") ==
              "MX kua.cl leads to mail.kua.cl, which publishes 192.0.2.1, the address behind the proxied "
              "cdn.kua.cl");
        CHECK(note_with(plan, "SPF") ==
              "TXT kua.cl publishes 192.0.2.1 in its SPF text, the address behind the proxied cdn.kua.cl");
    }
    SECTION("by hints, and not by an address that only begins alike") {
        estate.domains.erase("git.kua.cl");
        estate.records = {record("HTTPS", "h", "1 . alpn=h2 ipv4hint=192.0.2.1"),
                          record("HTTPS", "i", "1 . ipv4hint=192.0.2.10"),
                          record("TXT", "@", "v=spf1 ip4:0.0.0.0/0 -all")};
        for (auto& one : estate.records) one.zone = "kua.cl";
        const auto plan = plan_of(estate, seen({}));
        CHECK(note_with(plan, "hints") ==
              "HTTPS h.kua.cl publishes 192.0.2.1 in its hints, the address behind the proxied cdn.kua.cl");
        CHECK(plan.plan.notes.size() == 1);
    }
    SECTION("mail to a proxied name") {
        estate.domains.erase("git.kua.cl");
        estate.records = {record("MX", "@", "10 cdn.kua.cl")};
        estate.records[0].zone = "kua.cl";
        CHECK(note_with(plan_of(estate, seen({})), "MX") ==
              "MX kua.cl leads to cdn.kua.cl, which is proxied: mail can't pass the proxy");
    }
}

TEST_CASE(
    "DNS plan: names without a certificate, below a delegation, with two SPF texts, and zones that aren't "
    "live are noted") {
    auto estate = estate_of({record("A", "a.b", "192.0.2.1"),
                             record("TXT", "x.sub", "t"),
                             record("NS", "sub", "ns.example.net"),
                             record("TXT", "@", "v=spf1 -all")});
    estate.records[0].proxied = true;
    auto observation = seen({live("1", "TXT", "kua.cl", "v=spf1 mx -all", "")});
    observation["kua.cl"].zone.status = "pending";
    observation["kua.cl"].zone.paused = true;
    observation["kua.cl"].zone.name_servers = {"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"};
    const auto plan = plan_of(estate, observation);
    CHECK(note_with(plan, "certificate") ==
          "a.b.kua.cl is proxied and more than one level below kua.cl: the universal certificate doesn't "
          "cover it");
    CHECK(note_with(plan, "delegated") == "TXT x.sub.kua.cl isn't served: sub.kua.cl is delegated");
    CHECK(note_with(plan, "SPF") == "kua.cl has more than one SPF text: receivers accept none of them");
    CHECK(note_with(plan, "paused") == "zone kua.cl is paused: nothing in it is proxied");
    CHECK(note_with(plan, "pending") ==
          "zone kua.cl is pending: until its registrar names ada.ns.cloudflare.com and "
          "bob.ns.cloudflare.com, proxied names publish their servers' addresses");
}

TEST_CASE("DNS plan: rights, secondary zones, TTLs and comments that the zone's plan doesn't allow") {
    auto estate = estate_of({record("A", "a", "192.0.2.1")});
    auto observation = seen({});
    observation["kua.cl"].zone.permissions = {"#dns_records:read", "#zone:read"};
    auto plan = plan_of(estate, observation);
    REQUIRE(plan.refusals.size() == 1);
    CHECK(plan.refusals[0].code() == errors::rights_missing);
    CHECK_THROWS_AS(plan.require_allowed(), Error);
    observation = seen({});
    observation["kua.cl"].zone.type = "secondary";
    CHECK(plan_of(estate, observation).refusals.size() == 1);

    estate.records[0].ttl = 30;
    CHECK_THROWS_WITH(plan_of(estate, seen({})),
                      "the zone's plan at Cloudflare doesn't allow what is declared");
    CHECK(plan_of(estate, seen({}, "enterprise")).plan.actions.size() == 1);
    estate.records[0].ttl.reset();
    estate.records[0].comment = std::string(91, 'w');
    CHECK_THROWS_AS(plan_of(estate, seen({})), Error);
    estate.records[0].comment = std::string(90, 'w');
    CHECK(plan_of(estate, seen({})).plan.actions.size() == 1);
    CHECK(plan_of(estate, seen({}, "pro")).plan.actions.size() == 1);
}

TEST_CASE("DNS plan: settings are actions") {
    auto estate = estate_of({});
    estate.zones["kua.cl"].ssl = "strict";
    estate.zones["kua.cl"].always_use_https = true;
    auto observation = seen({});
    observation["kua.cl"].settings = {{"ssl", "full"}, {"always_use_https", "on"}};
    CHECK(lines(plan_of(estate, observation)) ==
          std::vector<std::string>{"update dns/kua.cl/setting/ssl: full → strict"});
    const auto questions = zone_questions(estate, {});
    CHECK(questions[0].settings == std::vector<std::string>{"ssl", "always_use_https"});
    const std::vector<std::string> wrong{"kau.cl"};
    try {
        zone_questions(estate, wrong);
        FAIL("an unknown zone was taken");
    } catch (const Error& error) {
        CHECK(error.message() == "no zone kau.cl in the estate");
        CHECK(error.advice() == "did you mean kua.cl?");
    }
}

TEST_CASE("DNS undo: what was made goes, what went comes back, what changed is as before") {
    const auto made = live("n", "A", "new.kua.cl", "192.0.2.1"), gone = live("g", "TXT", "gone.kua.cl", "x");
    const auto before = live("c", "A", "c.kua.cl", "192.0.2.2"),
               after = live("c", "A", "c.kua.cl", "192.0.2.3");
    const std::vector<RecordImage> images{
        {"kua.cl", std::nullopt, made}, {"kua.cl", gone, std::nullopt}, {"kua.cl", before, after}};
    const auto plan = plan_undo(images, seen({made, after}));
    CHECK(lines(plan) == std::vector<std::string>{
                             "update dns/kua.cl/A/c: 192.0.2.3 → 192.0.2.2",
                             "create dns/kua.cl/TXT/gone: \"x\"",
                             "delete dns/kua.cl/A/new: 192.0.2.1",
                         });
    CHECK(plan.refusals.empty());
    SECTION("what was never done needs nothing") {
        auto unknown = images;
        unknown[0].after->id.clear();
        CHECK(lines(plan_undo(unknown, seen({gone, before}))).empty());
    }
    SECTION("what changed since is refused") {
        const auto touched = plan_undo(images,
                                       seen({live("n", "A", "new.kua.cl", "192.0.2.77"),
                                             live("h", "TXT", "gone.kua.cl", "x", "hand"),
                                             live("c", "A", "c.kua.cl", "192.0.2.99")}));
        REQUIRE(touched.refusals.size() == 3);
        CHECK(touched.refusals[0].message() == "A new.kua.cl isn't what that run left");
        CHECK(touched.refusals[0].code().exit == Exit::refused);
    }
    SECTION("what is gone since is refused") {
        CHECK(plan_undo(images, seen({})).refusals.size() == 2);
    }
    SECTION("an address can't come back beside an alias") {
        const std::vector<RecordImage> one{{"kua.cl", live("g", "A", "x.kua.cl", "192.0.2.1"), std::nullopt}};
        const auto met = plan_undo(one, seen({live("h", "CNAME", "x.kua.cl", "example.net", "")}));
        REQUIRE(met.refusals.size() == 1);
        CHECK(met.refusals[0].message() == "A x.kua.cl can't come back");
    }
}
