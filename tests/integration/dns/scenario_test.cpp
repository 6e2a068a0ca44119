#include "world.hpp"

#include <kavi/base/error_codes.hpp>

#include <functional>

#include <support/catch.hpp>

using namespace dns_test;
using model::DeclaredRecord;

namespace {

/// A way to write a value, and how Cloudflare keeps it.
struct Written {
    std::string declared, kept;
};

/// The records that the zone is to have, and the steps so far.
class Story {
  public:
    explicit Story(World& world) : world_(world) {}

    /// Syncs, compares the zone with `expected`, and plans again: nothing may be left.
    void step(const std::string& what, const std::vector<std::string>& expected, int changes) {
        ++steps;
        INFO("step " << steps << ": " << what);
        const auto report = world_.sync();
        for (const auto& done : report.actions)
            if (done.error)
                FAIL_CHECK(done.id << ": " << done.error->message() << ": "
                                   << join(done.error->causes(), "; "));
        CHECK(report.count(run::Done::How::done) == changes);
        auto lines = expected;
        lines.insert(lines.end(), beside.begin(), beside.end());
        std::ranges::sort(lines);
        CHECK(world_.stranger->lines() == lines);
        CHECK(ids_of(world_.plan()).empty());
    }

    /// A step that is refused: nothing changes, and the zone stays as it is.
    void refused(const std::string& what, const ErrorCode& code, const std::string& message) {
        ++steps;
        INFO("step " << steps << ": " << what);
        const auto before = world_.stranger->lines();
        try {
            world_.sync();
            FAIL_CHECK("wasn't refused");
        } catch (const Error& error) {
            CHECK(error.code().id == code.id);
            CHECK_THAT(error.message() + "; " + join(error.causes(), "; "), ContainsSubstring(message));
        }
        CHECK(world_.stranger->lines() == before);
    }

    static std::string ids_of(const ops::DnsPlan& plan) {
        std::string ids;
        for (const auto& action : plan.plan.actions) ids += action.id + " (" + action.reason + ") ";
        return ids;
    }

    int steps = 0;
    std::vector<std::string> beside;  ///< what else stands in the zone all the time

  private:
    World& world_;
};

struct Family {
    std::string type, name, full_name;
    std::vector<Written> values;       ///< three, each other than the rest
    std::vector<std::string> aliases;  ///< other ways to write the first
    bool many = true;                  ///< may several stand at one name?
};

std::string line(const Family& family, const std::string& kept, const std::string& rest) {
    return family.type + " " + family.full_name + " " + kept + " " + rest;
}

/// Everything that can happen to records of one type.
void tell(World& world, Story& story, const Family& family) {
    auto& records = world.estate.records;
    const auto standing = records;
    const auto declare = [&](const std::string& content) -> DeclaredRecord& {
        return records.emplace_back(record(family.type, family.name, content));
    };
    const auto& [a, b, c] = std::tie(family.values[0], family.values[1], family.values[2]);
    const auto of = [&](const Written& value, const std::string& rest = "1 ; kavi:kavi") {
        return line(family, value.kept, rest);
    };
    INFO(family.type);

    declare(a.declared);
    story.step("created", {of(a)}, 1);
    const auto id = world.stranger->find(family.type, family.full_name)["id"];
    for (const auto& alias : family.aliases) {
        records.back().content = alias;
        story.step("the same, written as " + alias, {of(a)}, 0);
    }
    records.back().ttl = 300;
    story.step("ttl", {of(a, "300 ; kavi:kavi")}, 1);
    records.back().comment = "für die Post; see wiki";
    story.step("comment", {of(a, "300 ; für die Post; see wiki kavi:kavi")}, 1);
    records.back().content = b.declared;
    story.step("another value", {of(b, "300 ; für die Post; see wiki kavi:kavi")}, 1);
    CHECK(world.stranger->find(family.type, family.full_name)["id"] == id);  // changed in place
    records.back().comment.reset();
    story.step("words stay where none are declared", {of(b, "300 ; für die Post; see wiki kavi:kavi")}, 0);
    records.back().comment = "";
    records.back().ttl.reset();
    story.step("ttl and comment gone", {of(b)}, 1);

    world.stranger->change(
        id,
        Json{{"type", family.type}, {"name", family.full_name}, {"ttl", 600}, {"comment", "hand kavi:kavi"}});
    records.back().comment.reset();
    story.step("somebody changed the ttl", {of(b, "1 ; hand kavi:kavi")}, 1);
    world.stranger->remove(id);
    story.step("somebody deleted it", {of(b)}, 1);

    if (family.many) {
        declare(a.declared);
        story.step("two", {of(a), of(b)}, 1);
        declare(c.declared);
        story.step("three", {of(a), of(b), of(c)}, 1);
        records[standing.size()].content = a.declared;
        records[standing.size() + 1].content = b.declared;
        story.step("in another order", {of(a), of(b), of(c)}, 0);
        records.erase(records.begin() + static_cast<std::ptrdiff_t>(standing.size()));
        story.step("one less", {of(b), of(c)}, 1);
        records.erase(records.begin() + static_cast<std::ptrdiff_t>(standing.size()));
        records.back().content = a.declared;
        story.step("one less and one otherwise", {of(a)}, 2);
    } else {
        records.back().content = c.declared;
        story.step("a third value", {of(c)}, 1);
    }
    records = standing;
    story.step("gone", {}, 1);
}

const std::string d20(40, 'a'), d32(64, 'b'), e32(64, 'c'), f32(64, 'd');

const std::vector<Family> families{
    {"A",
     "a",
     "a.kua.cl",
     {{"192.0.2.1", "192.0.2.1"}, {"192.0.2.2", "192.0.2.2"}, {"192.0.2.3", "192.0.2.3"}},
     {" 192.0.2.1"}},
    {"A",
     "@",
     "kua.cl",
     {{"192.0.2.1", "192.0.2.1"}, {"192.0.2.2", "192.0.2.2"}, {"192.0.2.3", "192.0.2.3"}},
     {}},
    {"AAAA",
     "*",
     "*.kua.cl",
     {{"2001:db8::1", "2001:db8::1"}, {"2001:DB8:0:0::2", "2001:db8::2"}, {"fe80::0:0:1", "fe80::1"}},
     {"2001:0db8:0:0:0:0:0:0001", "2001:DB8::1"}},
    {"CNAME",
     "www",
     "www.kua.cl",
     {{"example.net", "example.net"},
      {"b.example.net.", "b.example.net"},
      {"bücher.example", "xn--bcher-kva.example"}},
     {"Example.NET.", "EXAMPLE.net"},
     false},
    {"CNAME",
     "*.dev",
     "*.dev.kua.cl",
     {{"@", "kua.cl"}, {"a.example", "a.example"}, {"_x._tcp.example", "_x._tcp.example"}},
     {"kua.cl.", "KUA.cl"},
     false},
    {"MX",
     "@",
     "kua.cl",
     {{"10 mail.example.net", "10 mail.example.net"},
      {"0 mail.example.net", "0 mail.example.net"},
      {"20 mail.example.net.", "20 mail.example.net"}},
     {"10 Mail.Example.net.", "010 mail.example.net"}},
    {"MX",
     "nomail",
     "nomail.kua.cl",
     {{"0 .", "0 ."}, {"5 a.example", "5 a.example"}, {"5 b.example", "5 b.example"}},
     {" 0  . "}},
    {"TXT",
     "@",
     "kua.cl",
     {{"v=spf1 -all", "\"v=spf1 -all\""}, {"a; b", "\"a; b\""}, {"C", "\"C\""}},
     {"\"v=spf1 -all\"", "\"v=spf1 \" \"-all\""}},
    {"TXT",
     "_dmarc",
     "_dmarc.kua.cl",
     {{"say \"hi\" \\ there", "\"say \\\"hi\\\" \\\\ there\""},
      {" two  blanks ", "\" two  blanks \""},
      {"ü", "\"ü\""}},
     {"\"say \\\"hi\\\" \\\\ there\"", "\"say \\\"hi\\\" \\092 there\""}},
    {"SRV",
     "_sip._tcp",
     "_sip._tcp.kua.cl",
     {{"0 5 5060 sip.example.net", "0 5 5060 sip.example.net"},
      {"0 0 0 .", "0 0 0 ."},
      {"10 5 5061 sip.example.net", "10 5 5061 sip.example.net"}},
     {"0 5 5060 SIP.example.net.", "00 05 5060 sip.example.net"}},
    {"CAA",
     "@",
     "kua.cl",
     {{"0 issue letsencrypt.org", "0 issue \"letsencrypt.org\""},
      {"0 issuewild \";\"", "0 issuewild \";\""},
      {"128 iodef mailto:a@example.net", "128 iodef \"mailto:a@example.net\""}},
     {"0 ISSUE \"letsencrypt.org\""}},
    {"NS",
     "sub",
     "sub.kua.cl",
     {{"ns1.example.net", "ns1.example.net"},
      {"ns2.example.net", "ns2.example.net"},
      {"ns3.example.net", "ns3.example.net"}},
     {"NS1.example.net."}},
    {"PTR",
     "1",
     "1.kua.cl",
     {{"a.example", "a.example"}, {"b.example", "b.example"}, {"c.example", "c.example"}},
     {"A.example."}},
    {"SSHFP",
     "git",
     "git.kua.cl",
     {{"4 2 " + d32, "4 2 " + d32}, {"4 1 " + d20, "4 1 " + d20}, {"1 2 " + e32, "1 2 " + e32}},
     {"4 2 " + std::string(64, 'B')}},
    {"TLSA",
     "_443._tcp",
     "_443._tcp.kua.cl",
     {{"3 1 1 " + d32, "3 1 1 " + d32}, {"3 1 1 " + e32, "3 1 1 " + e32}, {"2 0 1 " + f32, "2 0 1 " + f32}},
     {"3 1 1 " + std::string(64, 'B')}},
    {"HTTPS",
     "app",
     "app.kua.cl",
     {{"1 . alpn=h3,h2", "1 . alpn=\"h3,h2\""},
      {"0 other.example", "0 other.example "},
      {"1 . alpn=h2 port=8443", "1 . alpn=\"h2\" port=\"8443\""}},
     {"1 . alpn=\"h3,h2\"", "1 .  ALPN=h3,h2"}},
    {"SVCB",
     "_dns",
     "_dns.kua.cl",
     {{"1 dns.example alpn=dot", "1 dns.example alpn=\"dot\""},
      {"2 dns.example alpn=dot", "2 dns.example alpn=\"dot\""},
      {"1 dns.example ipv4hint=192.0.2.1", "1 dns.example ipv4hint=\"192.0.2.1\""}},
     {"1 DNS.example. alpn=\"dot\""}},
};

}  // namespace

TEST_CASE("DNS scenario: every type is created, changed and deleted, and a second run finds nothing") {
    World world;
    Story story(world);
    for (const auto& family : families) tell(world, story, family);
    CHECK(story.steps >= 250);
}

TEST_CASE("DNS scenario: delegations with DS, in one batch and in the right order") {
    World world;
    Story story(world);
    auto& records = world.estate.records;
    const auto ns = record("NS", "sub", "ns1.example.net"), ds = record("DS", "sub", "60485 13 2 " + d32);
    const std::string ns_line = "NS sub.kua.cl ns1.example.net 1 ; kavi:kavi";
    const auto ds_line = "DS sub.kua.cl 60485 13 2 " + d32 + " 1 ; kavi:kavi";
    records = {ds, ns};
    const auto requests = world.requests_of([&] { story.step("both made", {ns_line, ds_line}, 2); });
    CHECK(std::ranges::count(requests, "POST /zones/ID/dns_records/batch") == 1);
    records = {record("DS", "sub", "60486 13 2 " + e32), ns};
    story.step("another DS", {ns_line, "DS sub.kua.cl 60486 13 2 " + e32 + " 1 ; kavi:kavi"}, 1);
    records = {ns};
    story.step("DS gone", {ns_line}, 1);
    records = {ns, ds};
    story.step("DS back", {ns_line, ds_line}, 1);
    records = {record("NS", "sub", "ns9.example.net"), ds};
    story.step("another NS below it", {"NS sub.kua.cl ns9.example.net 1 ; kavi:kavi", ds_line}, 1);
    records = {record("A", "sub", "192.0.2.1")};
    story.step("no delegation any more", {"A sub.kua.cl 192.0.2.1 1 ; kavi:kavi"}, 3);
    records = {ds, ns};
    story.step("a delegation again", {ns_line, ds_line}, 3);
    records = {};
    story.step("both gone", {}, 2);
}

TEST_CASE("DNS scenario: a type takes the place of another") {
    World world;
    Story story(world);
    auto& records = world.estate.records;
    const std::vector<std::pair<DeclaredRecord, std::string>> turns{
        {record("A", "x", "192.0.2.1"), "A x.kua.cl 192.0.2.1 1 ; kavi:kavi"},
        {record("CNAME", "x", "example.net"), "CNAME x.kua.cl example.net 1 ; kavi:kavi"},
        {record("AAAA", "x", "2001:db8::1"), "AAAA x.kua.cl 2001:db8::1 1 ; kavi:kavi"},
        {record("CNAME", "x", "example.org"), "CNAME x.kua.cl example.org 1 ; kavi:kavi"},
        {record("TXT", "x", "t"), "TXT x.kua.cl \"t\" 1 ; kavi:kavi"},
        {record("NS", "x", "ns.example.net"), "NS x.kua.cl ns.example.net 1 ; kavi:kavi"},
        {record("A", "x", "192.0.2.9"), "A x.kua.cl 192.0.2.9 1 ; kavi:kavi"},
    };
    int changes = 1;
    for (const auto& [declared, kept] : turns) {
        records = {declared};
        const auto requests = world.requests_of([&] { story.step(declared.type, {kept}, changes); });
        CHECK(std::ranges::count(requests, "POST /zones/ID/dns_records/batch") == 1);
        changes = 2;
    }
    records = {
        record("A", "x", "192.0.2.1"), record("A", "x", "192.0.2.2"), record("AAAA", "x", "2001:db8::1")};
    story.step("three addresses",
               {"A x.kua.cl 192.0.2.1 1 ; kavi:kavi",
                "A x.kua.cl 192.0.2.2 1 ; kavi:kavi",
                "AAAA x.kua.cl 2001:db8::1 1 ; kavi:kavi"},
               3);
    records = {record("CNAME", "x", "example.net")};
    story.step("an alias for all three", {"CNAME x.kua.cl example.net 1 ; kavi:kavi"}, 4);
    records = {record("CNAME", "x", "example.net"), record("TXT", "x", "beside")};
    story.step("TXT beside a CNAME",
               {"CNAME x.kua.cl example.net 1 ; kavi:kavi", "TXT x.kua.cl \"beside\" 1 ; kavi:kavi"},
               1);
    // Two values change places: neither may meet the other half-way.
    records = {record("MX", "m", "10 a.example"), record("MX", "m", "20 b.example")};
    story.step(
        "two MX", {"MX m.kua.cl 10 a.example 1 ; kavi:kavi", "MX m.kua.cl 20 b.example 1 ; kavi:kavi"}, 4);
    records = {record("MX", "m", "20 a.example"), record("MX", "m", "10 b.example")};
    story.step("with their priorities changed",
               {"MX m.kua.cl 20 a.example 1 ; kavi:kavi", "MX m.kua.cl 10 b.example 1 ; kavi:kavi"},
               2);
}

TEST_CASE("DNS scenario: TXT of every size and with every letter") {
    World world;
    Story story(world);
    auto& records = world.estate.records;
    const auto joined = [&] {
        std::string bytes;
        const auto content = world.stranger->find("TXT", "t.kua.cl")["content"].get<std::string>();
        for (std::size_t i = 0; i < content.size(); ++i) {
            if (content[i] == '\\' && content[i + 1] >= '0' && content[i + 1] <= '9') {
                bytes += static_cast<char>(std::stoi(content.substr(i + 1, 3)));
                i += 3;
            } else if (content[i] == '\\') {
                bytes += content[++i];
            } else if (content.substr(i, 3) == "\" \"") {
                i += 2;
            } else if (content[i] != '"') {
                bytes += content[i];
            }
        }
        return bytes;
    };
    const std::string letters = "a \"q\" \\b; é\t€ x  ";
    for (const std::size_t size : {1, 2, 254, 255, 256, 509, 510, 511, 764, 765, 766, 3000}) {
        for (const auto& pattern : {std::string("x"), letters}) {
            std::string bytes = size == 1 ? "x" : "x" + pattern;
            while (bytes.size() < size) bytes += pattern;
            bytes.resize(size);
            records = {record("TXT", "t", bytes)};
            if (bytes.back() == '\\' || static_cast<unsigned char>(bytes.back()) >= 0x80)
                records[0].content->back() = 'z';
            bytes = *records[0].content;
            INFO(size);
            const auto report = world.sync();
            ++story.steps;
            REQUIRE(report.count(run::Done::How::failed) == 0);
            CHECK(joined() == bytes);
            CHECK(Story::ids_of(world.plan()).empty());
        }
    }
    records = {record("TXT", "t", "")};
    CHECK(
        world.requests_of([&] { CHECK_THROWS_AS(ops::plan_dns(world.estate, {}, {}, {}), Error); }).empty());
    records = {record("TXT", "t", std::string(4081, 'x'))};
    CHECK(
        world.requests_of([&] { CHECK_THROWS_AS(ops::plan_dns(world.estate, {}, {}, {}), Error); }).empty());
}

TEST_CASE("DNS scenario: proxied on and off, and what can't be") {
    World world;
    Story story(world);
    auto& records = world.estate.records;
    for (const auto& [type, content] :
         {std::pair{"A", "192.0.2.1"}, {"AAAA", "2001:db8::1"}, {"CNAME", "example.net"}}) {
        const auto line = std::string(type) + " p.kua.cl " + content;
        records = {record(type, "p", content)};
        records[0].proxied = true;
        const auto requests =
            world.requests_of([&] { story.step("proxied at once", {line + " 1 proxied ; kavi:kavi"}, 1); });
        CHECK(std::ranges::count(requests, "POST /zones/ID/dns_records/batch") == 1);
        records[0].proxied = false;
        story.step("off", {line + " 1 ; kavi:kavi"}, 1);
        records[0].ttl = 600;
        story.step("off, with a ttl", {line + " 600 ; kavi:kavi"}, 1);
        records[0].ttl.reset();
        records[0].proxied = true;
        story.step("on again", {line + " 1 proxied ; kavi:kavi"}, 1);
        records = {};
        story.step("gone", {}, 1);
    }
    SECTION("an address that can't be proxied is refused with its name") {
        records = {record("A", "p", "10.0.0.1"), record("A", "q", "192.0.2.1")};
        records[0].proxied = true;
        const auto report = world.sync();
        REQUIRE(report.actions.size() == 2);
        REQUIRE(report.actions[0].error);
        CHECK_THAT(join(report.actions[0].error->causes(), "; "),
                   ContainsSubstring(
                       "Target 10.0.0.1 is not allowed for a proxied record. at /content (code 9003)"));
        CHECK(world.stranger->lines().empty());
    }
    SECTION("a flag that was dropped without a word is noticed") {
        records = {record("A", "p", "10.0.0.1")};
        world.sync();
        records[0].proxied = true;
        const auto report = world.sync();
        REQUIRE(report.actions[0].error);
        CHECK(report.actions[0].error->message() ==
              "A p.kua.cl isn't proxied though Cloudflare took the change");
    }
}

TEST_CASE("DNS scenario: equal records are adopted, others' are left alone") {
    World world;
    Story story(world);
    auto& records = world.estate.records;
    world.stranger->add(
        {{"type", "A"}, {"name", "git"}, {"content", "192.0.2.1"}, {"ttl", 1}, {"comment", "by hand"}});
    world.stranger->add({{"type", "TXT"}, {"name", "git"}, {"content", "\"google-site\""}, {"ttl", 300}});
    world.stranger->add({{"type", "LOC"},
                         {"name", "@"},
                         {"ttl", 300},
                         {"data",
                          {{"lat_degrees", 51},
                           {"lat_minutes", 30},
                           {"lat_seconds", 12.5},
                           {"lat_direction", "N"},
                           {"long_degrees", 0},
                           {"long_minutes", 7},
                           {"long_seconds", 39.0},
                           {"long_direction", "W"},
                           {"altitude", 0},
                           {"size", 1},
                           {"precision_horz", 10},
                           {"precision_vert", 10}}}});
    world.stranger->add({{"type", "A"},
                         {"name", "eva"},
                         {"content", "192.0.2.7"},
                         {"ttl", 1},
                         {"comment", "theirs kavi:other"}});
    world.stranger->add({{"type", "TXT"},
                         {"name", "cf._domainkey"},
                         {"content", "\"v=DKIM1\""},
                         {"ttl", 1},
                         {"meta", {{"read_only", true}}}});
    story.beside = world.stranger->lines();
    std::erase_if(story.beside, [](const std::string& line) { return line.starts_with("A git"); });

    CHECK(world.plan().unmanaged.size() == 5);
    records = {record("A", "git", "192.0.2.1")};
    story.step("adopted beside a person's words", {"A git.kua.cl 192.0.2.1 1 ; by hand kavi:kavi"}, 1);
    records.push_back(record("TXT", "git", "ours"));
    story.step("TXT beside another's TXT",
               {"A git.kua.cl 192.0.2.1 1 ; by hand kavi:kavi", "TXT git.kua.cl \"ours\" 1 ; kavi:kavi"},
               1);
    records.push_back(record("TXT", "cf._domainkey", "v=DKIM1"));
    story.step("a read-only record that is as declared",
               {"A git.kua.cl 192.0.2.1 1 ; by hand kavi:kavi", "TXT git.kua.cl \"ours\" 1 ; kavi:kavi"},
               0);
    records.back().ttl = 300;
    story.refused("a read-only record that isn't",
                  errors::foreign_owner,
                  "TXT cf._domainkey.kua.cl isn't kavi's to change");
    records.back() = record("A", "eva", "192.0.2.7");
    story.step("another estate's record that is as declared",
               {"A git.kua.cl 192.0.2.1 1 ; by hand kavi:kavi", "TXT git.kua.cl \"ours\" 1 ; kavi:kavi"},
               0);
    records.back().content = "192.0.2.8";
    story.refused("another estate's record that isn't",
                  errors::foreign_owner,
                  "A eva.kua.cl stands in the way; it is 192.0.2.7, kavi:other");
    records.back() = record("CNAME", "eva", "example.net");
    story.refused("an alias in another's place", errors::foreign_owner, "A eva.kua.cl stands in the way");
    records.back() = record("NS", "eva", "ns.example.net");
    story.refused("a delegation in another's place", errors::foreign_owner, "A eva.kua.cl stands in the way");
    records.pop_back();
    world.stranger->add({{"type", "A"}, {"name", "git"}, {"content", "192.0.2.66"}, {"ttl", 1}});
    story.beside.push_back("A git.kua.cl 192.0.2.66 1");
    story.step("somebody's address beside ours",
               {"A git.kua.cl 192.0.2.1 1 ; by hand kavi:kavi", "TXT git.kua.cl \"ours\" 1 ; kavi:kavi"},
               0);
    records = {};
    story.step("ours gone, theirs stay", {}, 2);
    world.stranger->add({{"type", "TXT"},
                         {"name", "long"},
                         {"content", "\"x\""},
                         {"ttl", 1},
                         {"comment", std::string(495, 'w')}});
    records = {record("TXT", "long", "x")};
    story.refused("no room for the mark beside a person's words",
                  errors::dns_refused,
                  "with kavi's mark it has 505 characters; 500 are allowed on the pro plan");
}

TEST_CASE("DNS scenario: guards") {
    World world;
    Story story(world);
    auto& records = world.estate.records;
    auto& zone = world.estate.zones["kua.cl"];
    for (int i = 0; i < 8; ++i) records.push_back(record("A", "h" + std::to_string(i), "192.0.2.1"));
    world.sync();
    const auto all = records;
    zone.max_deletes = 2;
    records.resize(5);
    story.refused(
        "too many deletions", errors::dns_refused, "3 records of kua.cl would be deleted, 2 may be");
    zone.max_deletes.reset();
    records.resize(2);
    story.refused("more than five without a word",
                  errors::dns_refused,
                  "6 records of kua.cl would be deleted, 5 may be");
    records = all;
    for (auto& one : records) one = record("CNAME", one.name, "example.net");
    zone.max_deletes = 0;
    {
        const auto report = world.sync();
        CHECK(report.count(run::Done::How::done) == 16);  // replaced, not lost
    }
    zone.protected_names = {"h0", "H1.kua.cl"};
    records[0].content = "example.org";
    story.refused(
        "a protected name changes", errors::dns_refused, "CNAME h0.kua.cl is protected and would be changed");
    records.erase(records.begin());
    zone.max_deletes = 5;
    story.refused(
        "a protected name goes", errors::dns_refused, "CNAME h0.kua.cl is protected and would be deleted");
    records.insert(records.begin(), all[0]);
    records[0] = record("CNAME", "h0", "example.net");
    records[1].comment = "only words";
    CHECK(world.sync().count(run::Done::How::done) == 1);  // comments of protected names may change
}
