#include <kavi/base/error.hpp>
#include <kavi/base/text.hpp>
#include <kavi/model/dns.hpp>

#include <string>
#include <vector>

#include <support/catch.hpp>

using namespace kavi::model;

namespace {

Estate estate() {
    Estate estate;
    estate.name = "kavi";
    estate.zones["kua.cl"] = {.name = "kua.cl"};
    estate.servers["bruno"] = {.name = "bruno", .provider = Server::Provider::hetzner};
    estate.servers["bruno"].ipv4 = "188.34.198.57";
    return estate;
}

Domain domain(const std::string& name, const std::string& service, bool proxied) {
    return {.name = name, .service = service, .proxied = proxied};
}

const ServiceServers servers{{"forgejo", "bruno"}, {"plex", "eva"}};

/// One line a record: "A git.kua.cl 188.34.198.57 proxied".
std::vector<std::string> lines(const std::vector<DesiredRecord>& desired) {
    std::vector<std::string> lines;
    for (const auto& one : desired) {
        auto line = one.record.type + " " + one.record.name + " " +
                    (one.reference.empty() ? one.record.value : one.reference);
        if (one.record.proxied) line += " proxied";
        if (one.record.ttl != 1) line += " " + std::to_string(one.record.ttl);
        lines.push_back(line);
    }
    return lines;
}

/// The problems that are said of the records.
std::vector<std::string> problems(const Estate& estate) {
    try {
        desired_records(estate, servers, {});
    } catch (const kavi::Error& error) {
        CHECK(error.code().exit == kavi::Exit::config);
        return error.causes();
    }
    return {};
}

}  // namespace

TEST_CASE("domains follow their service's server") {
    auto known = estate();
    known.domains["git.kua.cl"] = domain("git.kua.cl", "forgejo", false);
    known.domains["plex.kua.cl"] = domain("plex.kua.cl", "plex", true);
    using Lines = std::vector<std::string>;
    CHECK(lines(desired_records(known, servers, {})) ==
          Lines{"A git.kua.cl 188.34.198.57", "A plex.kua.cl server:eva/ipv4 proxied"});
    SECTION("an observed address wins over the declared one") {
        CHECK(lines(desired_records(
                  known, servers, {{"bruno", {.ipv4 = "192.0.2.1"}}, {"eva", {.ipv4 = "192.0.2.2"}}})) ==
              Lines{"A git.kua.cl 192.0.2.1", "A plex.kua.cl 192.0.2.2 proxied"});
    }
    SECTION("IPv6 only where the server declares it") {
        known.servers["bruno"].ipv6 = "2001:DB8::1";
        CHECK(
            lines(desired_records(known, servers, {{"eva", {.ipv4 = "192.0.2.2", .ipv6 = "2001:db8::2"}}})) ==
            Lines{"A git.kua.cl 188.34.198.57",
                  "AAAA git.kua.cl 2001:db8::1",
                  "A plex.kua.cl 192.0.2.2 proxied"});
    }
    SECTION("the longest zone holds a name") {
        known.zones["git.kua.cl"] = {.name = "git.kua.cl"};
        const auto desired = desired_records(known, servers, {});
        CHECK(desired[0].zone == "git.kua.cl");
        CHECK(desired[1].zone == "kua.cl");
    }
}

TEST_CASE("records are declared with content or data") {
    auto with = estate();
    with.records = {
        {.zone = "kua.cl", .type = "mx", .name = "@", .content = "mail.example.net", .priority = 0},
        {.zone = "kua.cl",
         .type = "SRV",
         .name = "_sip._tcp",
         .data = {{"weight", 5}, {"port", 5060}, {"priority", 10}, {"target", "sip.example.net."}}},
        {.zone = "kua.cl",
         .type = "CAA",
         .name = "@",
         .data = {{"flags", 0}, {"tag", "issue"}, {"value", "a \"b\" \\c"}}},
        {.zone = "kua.cl", .type = "HTTPS", .name = "www", .content = ". alpn=h2", .priority = 1},
        {.zone = "kua.cl", .type = "CNAME", .name = "www2", .content = "@", .proxied = true},
        {.zone = "kua.cl", .type = "TXT", .name = "t", .content = " kept as it is ", .ttl = 300},
    };
    CHECK(lines(desired_records(with, servers, {})) ==
          std::vector<std::string>{"SRV _sip._tcp.kua.cl 10 5 5060 sip.example.net",
                                   "CAA kua.cl 0 issue a \"b\" \\c",
                                   "MX kua.cl 0 mail.example.net",
                                   "TXT t.kua.cl  kept as it is  300",
                                   "HTTPS www.kua.cl 1 . alpn=h2",
                                   "CNAME www2.kua.cl kua.cl proxied"});
}

TEST_CASE("what can't be is said, all of it, with its line") {
    auto wrong = estate();
    wrong.records = {
        {.zone = "kua.cl", .type = "LOC", .name = "@", .content = "x", .line = 1},
        {.zone = "kua.cl", .type = "A", .name = "a", .content = "1.2", .line = 2},
        {.zone = "kua.cl", .type = "MX", .name = "@", .content = "mail.example.net", .line = 3},
        {.zone = "kua.cl", .type = "CNAME", .name = "b", .content = "mail", .line = 4},
        {.zone = "kua.cl", .type = "TXT", .name = "c", .content = "", .line = 5},
        {.zone = "kua.cl", .type = "TXT", .name = "d", .line = 6},
        {.zone = "kua.cl", .type = "NS", .name = "@", .content = "ns.example.net", .line = 7},
        {.zone = "kua.cl", .type = "TXT", .name = "e", .content = "x", .proxied = true, .line = 8},
        {.zone = "kua.cl",
         .type = "A",
         .name = "f",
         .content = "192.0.2.1",
         .ttl = 300,
         .proxied = true,
         .line = 9},
        {.zone = "kua.cl", .type = "A", .name = "g", .content = "192.0.2.1", .ttl = 10, .line = 10},
        {.zone = "kua.cl",
         .type = "A",
         .name = "h",
         .content = "192.0.2.1",
         .comment = "for kavi:me",
         .line = 11},
        {.zone = "kua.cl", .type = "A", .name = "i", .content = "192.0.2.1", .priority = 1, .line = 12},
        {.zone = "kua.cl", .type = "SRV", .name = "_j._tcp", .data = {{"wait", 1}}, .line = 13},
        {.zone = "kua.cl",
         .type = "SRV",
         .name = "_k._tcp",
         .data = {{"priority", 1}, {"weight", 1}, {"port", 1}},
         .line = 14},
        {.zone = "kua.de", .type = "A", .name = "@", .content = "192.0.2.1", .line = 15},
        {.zone = "kua.cl", .type = "A", .name = "x.example.net.", .content = "192.0.2.1", .line = 16},
    };
    CHECK(problems(wrong) ==
          std::vector<std::string>{
              "line 1: [[records]] LOC @: type LOC isn't managed by kavi",
              "line 2: [[records]] A a: the content isn't an IPv4 address",
              "line 3: [[records]] MX @: it needs a priority",
              "line 4: [[records]] CNAME b: names 'mail', which has no dot: write mail.kua.cl",
              "line 5: [[records]] TXT c: the content is empty",
              "line 6: [[records]] TXT d: it has neither content nor data",
              "line 7: [[records]] NS @: the zone's own NS records are left to Cloudflare",
              "line 8: [[records]] TXT e: a record of type TXT can't be proxied",
              "line 9: [[records]] A f: a proxied record has no ttl of its own",
              "line 10: [[records]] A g: ttl 10 isn't 1 (automatic) or from 60 to 86400",
              "line 11: [[records]] A h: the comment has a word that begins with kavi:, which is kavi's own "
              "mark",
              "line 12: [[records]] A i: type A has no priority",
              "line 13: [[records]] SRV _j._tcp: data has no member wait (there are priority, weight, port, "
              "target)",
              "line 14: [[records]] SRV _k._tcp: data lacks target",
              "line 15: [[records]] A @: zone kua.de isn't declared",
              "line 16: [[records]] A x.example.net.: the name isn't in the zone kua.cl",
          });
}

TEST_CASE("what can't stand at one name is said") {
    const auto of = [](std::vector<DeclaredRecord> records) {
        auto wrong = estate();
        for (auto& one : records) one.zone = "kua.cl";
        wrong.records = std::move(records);
        return kavi::join(problems(wrong), "; ");
    };
    const std::string digest(64, 'a');
    CHECK(of({{.type = "A", .name = "a", .content = "192.0.2.1"},
              {.type = "CNAME", .name = "a", .content = "b.example"}}) ==
          "a.kua.cl: a CNAME can't stand beside an A, AAAA or another CNAME record");
    CHECK(of({{.type = "CNAME", .name = "a", .content = "c.example"},
              {.type = "CNAME", .name = "a", .content = "b.example"}}) ==
          "a.kua.cl: a CNAME can't stand beside an A, AAAA or another CNAME record");
    CHECK(of({{.type = "CNAME", .name = "a", .content = "b.example"},
              {.type = "TXT", .name = "a", .content = "x"}})
              .empty());
    CHECK(of({{.type = "DS", .name = "a", .content = "1 13 2 " + digest}}) ==
          "a.kua.cl: a DS record needs an NS record of the same name");
    CHECK(of({{.type = "DS", .name = "a", .content = "1 13 2 " + digest},
              {.type = "NS", .name = "a", .content = "ns.example"}})
              .empty());
    CHECK(of({{.type = "NS", .name = "a", .content = "ns.example"},
              {.type = "TXT", .name = "a", .content = "x"}}) ==
          "a.kua.cl: a delegated name (NS) can have no records of its own but DS");
    CHECK(of({{.type = "TXT", .name = "a", .content = "\"x\" \"y\""},
              {.type = "TXT", .name = "A", .content = "xy"}}) ==
          "[[records]] TXT A: the same record is declared twice");
    CHECK(of({{.type = "TXT", .name = "a", .content = std::string(4000, 'x')},
              {.type = "TXT", .name = "a", .content = std::string(4000, 'y')},
              {.type = "TXT", .name = "a", .content = std::string(400, 'z')}}) ==
          "a.kua.cl: its TXT records have more than 8192 characters together");
    CHECK(of({{.type = "TXT", .name = "a", .content = 'x' + std::string(4000, '"')}}).empty());
    CHECK(of({{.type = "TXT", .name = "a", .content = std::string(4075, '\\') + "\xff"}}) ==
          "a.kua.cl: its TXT records have more than 8192 characters together");
}

TEST_CASE("a domain that leads nowhere is said") {
    auto wrong = estate();
    wrong.domains["git.kua.de"] = domain("git.kua.de", "forgejo", true);
    wrong.domains["a.kua.cl"] = domain("a.kua.cl", "nothing", true);
    wrong.domains["b.kua.cl"] = domain("b.kua.cl", "forgejo", true);
    wrong.domains["b.kua.cl"].ttl = 300;
    CHECK(problems(wrong) == std::vector<std::string>{
                                 "[domains.\"a.kua.cl\"]: the server of service nothing isn't known",
                                 "[domains.\"b.kua.cl\"]: a proxied name has no ttl of its own",
                                 "[domains.\"git.kua.de\"]: no declared zone holds it: add [zones.\"…\"]",
                             });
}

TEST_CASE("a comment keeps a person's words beside the owner's mark") {
    struct Case {
        std::string text, words, owner;
    };

    const std::vector<Case> cases{
        {"", "", ""},
        {"kavi:kavi", "", "kavi"},
        {"Git over SSH kavi:kavi", "Git over SSH", "kavi"},
        {"kavi:other Git", "Git", "other"},
        {"Git kavi:other over SSH", "Git over SSH", "other"},
        {"made by kavi: see wiki", "made by kavi: see wiki", ""},
        {"xkavi:me", "xkavi:me", ""},
        {"kavi:", "kavi:", ""},
        {"kavi:a kavi:b", "kavi:a", "b"},
    };
    for (const auto& one : cases) {
        INFO(one.text);
        const auto comment = parse_comment(one.text);
        CHECK(comment.words == one.words);
        CHECK(comment.owner == one.owner);
    }
    CHECK(owned_comment("Git", "kavi") == "Git kavi:kavi");
    CHECK(owned_comment("", "kavi") == "kavi:kavi");
    CHECK(comment_length("für Git") == 7);
}
