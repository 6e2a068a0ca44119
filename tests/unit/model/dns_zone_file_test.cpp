#include <kavi/base/error.hpp>
#include <kavi/base/text.hpp>
#include <kavi/model/zone_file.hpp>

#include <string>
#include <vector>

#include <support/catch.hpp>

using namespace kavi::model;

namespace {

std::string problem_of(const std::string& text) {
    try {
        read_zone_file(text, "kua.cl", "zone.txt");
    } catch (const kavi::Error& error) {
        CHECK(error.message() == "zone.txt isn't a zone file that kavi can read");
        return kavi::join(error.causes(), "; ");
    }
    return "";
}

std::string summary(const std::vector<Record>& records) {
    std::string text;
    for (const auto& one : records) {
        text += one.type + " " + one.name + " " + one.value + " " + std::to_string(one.ttl);
        if (one.proxied) text += " proxied";
        if (!one.comment.empty()) text += " ; " + one.comment;
        text += "\n";
    }
    return text;
}

}  // namespace

TEST_CASE("zone files are read as RFC 1035 and Cloudflare write them") {
    const auto file = read_zone_file(
        ";; Domain: kua.cl.\n"
        "$TTL 1h30m\n"
        "@ IN SOA ada.ns.cloudflare.com. dns.cloudflare.com. ( 1 10000\n"
        "      2400 ; retry\n"
        "      604800 3600 )\n"
        "kua.cl. 86400 IN NS ada.ns.cloudflare.com.\n"
        "kua.cl.\t1\tIN\tMX\t10 mail\n"
        "      IN MX 20 Mail.Example.net.\n"
        "www 300 IN CNAME @ ; the site cf_tags=team:web,cf-proxied:true\n"
        "git IN 60 A 192.0.2.1 ; Git; over SSH cf_tags=cf-proxied:false\n"
        "git IN 60 A 192.0.2.1\n"
        "$ORIGIN dev.kua.cl.\n"
        "t TXT \"v=spf1; \" ( \"a\\\"b\" \\195\\169\n"
        "  plain )\n"
        "a AAAA 2001:DB8::1\r\n"
        "_sip._tcp SRV 0 5 5060 sip\n"
        "@ CAA 0 issue \"letsencrypt.org; x=1\"\n"
        "h HTTPS 1 . alpn=\"h3,h2\" ech=\"a b\"\n"
        "l LOC 51 30 12.5 N 0 7 39 W 0m\n",
        "kua.cl",
        "zone.txt");
    CHECK(summary(file.records) ==
          "MX kua.cl 10 mail.kua.cl 1\n"
          "MX kua.cl 20 mail.example.net 5400\n"
          "CNAME www.kua.cl kua.cl 1 proxied ; the site\n"
          "A git.kua.cl 192.0.2.1 60 ; Git; over SSH\n"
          "TXT t.dev.kua.cl v=spf1; a\"bé"
          "plain 5400\n"
          "AAAA a.dev.kua.cl 2001:db8::1 5400\n"
          "SRV _sip._tcp.dev.kua.cl 0 5 5060 sip.dev.kua.cl 5400\n"
          "CAA dev.kua.cl 0 issue letsencrypt.org; x=1 5400\n"
          "HTTPS h.dev.kua.cl 1 . alpn=h3,h2 ech=\"a b\" 5400\n");
    REQUIRE(file.notes.size() == 3);
    CHECK(file.notes[0].line == 3);
    CHECK(file.notes[0].text == "the zone's own SOA record is left to Cloudflare");
    CHECK(file.notes[1].text == "the zone's own NS record is left to Cloudflare");
    CHECK(file.notes[2].line == 19);
    CHECK(file.notes[2].text == "type LOC isn't managed");
}

TEST_CASE("what isn't a zone file is refused with its line") {
    CHECK(problem_of("a A 192.0.2.1\nb TXT \"open\n") == "line 2: a quote stays open");
    CHECK(problem_of("a A ( 192.0.2.1\n\n") == "line 1: a parenthesis stays open");
    CHECK(problem_of("a A 192.0.2.1 )\n") == "line 1: a parenthesis closes that never opened");
    CHECK(problem_of("$INCLUDE /etc/passwd\n") == "line 1: $INCLUDE isn't supported");
    CHECK(problem_of("$GENERATE 1-9 a$ A 192.0.2.$\n") == "line 1: $GENERATE isn't supported");
    CHECK(problem_of("$TTL soon\n") == "line 1: $TTL needs a number of seconds");
    CHECK(problem_of(" A 192.0.2.1\n") == "line 1: the first record has no name");
    CHECK(problem_of("a A\n") == "line 1: a name, a type and a value are due");
    CHECK(problem_of("a A 192.0.2\n") == "line 1: the A record of a.kua.cl isn't an IPv4 address");
    CHECK(problem_of("a.example.net. A 192.0.2.1\n") ==
          "line 1: the name a.example.net isn't in the zone kua.cl");
    CHECK(problem_of("a TXT \"x\\\n") == "line 1: a quote stays open");
}

TEST_CASE("what is written is read back the same") {
    const std::vector<Record> records{
        {"CNAME", "www.kua.cl", "kua.cl", 1, true, "words; more kavi:kavi"},
        {"A", "kua.cl", "192.0.2.1", 1, true, ""},
        {"AAAA", "a.kua.cl", "2001:db8::1", 300, false, "kavi:kavi"},
        {"MX", "kua.cl", "0 .", 1, false, ""},
        {"MX", "m.kua.cl", "10 mail.example.net", 1, false, ""},
        {"TXT", "t.kua.cl", "a \"b\" \\ ; é\t\x01\xff", 1, false, ""},
        {"TXT", "l.kua.cl", std::string(766, 'x') + " ", 1, false, ""},
        {"SRV", "_s._tcp.kua.cl", "0 0 0 .", 1, false, ""},
        {"CAA", "kua.cl", "0 issue ;", 1, false, ""},
        {"HTTPS", "h.kua.cl", "1 . alpn=h3,h2", 1, false, ""},
        {"SVCB", "s.kua.cl", "0 other.example", 1, false, ""},
        {"NS", "sub.kua.cl", "ns1.example.net", 1, false, ""},
        {"DS", "sub.kua.cl", "1 13 2 " + std::string(64, 'a'), 1, false, ""},
        {"SSHFP", "g.kua.cl", "4 2 " + std::string(64, 'a'), 1, false, ""},
        {"TLSA", "_443._tcp.kua.cl", "3 1 1 " + std::string(64, 'a'), 1, false, ""},
        {"PTR", "1.kua.cl", "a.example", 1, false, ""},
    };
    const auto text = write_zone_file("kua.cl", records);
    const auto again = read_zone_file(text, "kua.cl", "zone.txt");
    CHECK(again.notes.empty());
    REQUIRE(again.records.size() == records.size());
    for (const auto& one : records) {
        INFO(one.type << " " << one.name);
        CHECK(std::ranges::count(again.records, one) == 1);
    }
    CHECK(write_zone_file("kua.cl", again.records) == text);
    CHECK(text.starts_with("$ORIGIN kua.cl.\n@\t1\tIN\tA\t192.0.2.1 ; cf_tags=cf-proxied:true\n"));
    CHECK_THAT(text, ContainsSubstring("m\t1\tIN\tMX\t10 mail.example.net.\n"));
    CHECK_THAT(
        text,
        ContainsSubstring("www\t1\tIN\tCNAME\tkua.cl. ; words; more kavi:kavi cf_tags=cf-proxied:true\n"));
}

TEST_CASE("records become entries of kavi.toml") {
    const std::vector<Record> records{
        {"MX", "kua.cl", "10 mail.example.net", 300, false, "post"},
        {"TXT", "t.kua.cl", "say \"hi\" \\", 1, false, ""},
        {"TXT", "q.kua.cl", "\"quoted\"", 1, false, ""},
        {"A", "w.kua.cl", "192.0.2.1", 1, true, ""},
    };
    CHECK(to_toml("kua.cl", records) ==
          "\n[[records]]\nzone    = \"kua.cl\"\ntype    = \"MX\"\nname    = \"@\"\ncontent = "
          "\"mail.example.net\"\npriority = 10\n"
          "ttl     = 300\ncomment = \"post\"\n"
          "\n[[records]]\nzone    = \"kua.cl\"\ntype    = \"TXT\"\nname    = \"q\"\ncontent = "
          "\"\\\"\\\\\\\"quoted\\\\\\\"\\\"\"\n"
          "\n[[records]]\nzone    = \"kua.cl\"\ntype    = \"TXT\"\nname    = \"t\"\ncontent = \"say "
          "\\\"hi\\\" \\\\\"\n"
          "\n[[records]]\nzone    = \"kua.cl\"\ntype    = \"A\"\nname    = \"w\"\ncontent = "
          "\"192.0.2.1\"\nproxied = true\n");
}
