#include <kavi/model/record.hpp>

#include <string>
#include <vector>

#include <support/catch.hpp>

using namespace kavi::model;

namespace {

/// The normal form, or "!" and why not.
std::string shown(const Normal<std::string>& normal) {
    return normal ? *normal : "! " + normal.error();
}

std::string hexes(std::size_t count) {
    return std::string(count, 'a');
}

}  // namespace

TEST_CASE("host names have one form") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"Mail.Example.NET.", "mail.example.net"},
        {"münchen.example", "xn--mnchen-3ya.example"},
        {"MÜNCHEN.example", "xn--mnchen-3ya.example"},
        {"mu\u0308nchen.example", "xn--mnchen-3ya.example"},  // u and a combining diaeresis
        {"straße.example", "xn--strae-oqa.example"},          // UTS 46 without transitional rules keeps ß
        {"XN--MNCHEN-3YA.example", "xn--mnchen-3ya.example"},
        {"_sip._tcp.example.net", "_sip._tcp.example.net"},
        {"*.example.net", "*.example.net"},
        {".", "."},
        {"", "! is empty"},
        {"a..b", "! has an empty label"},
        {".a", "! has an empty label"},
        {"a.*.b", "! has a * that isn't its first label"},
        {"*", "! has a * without a name behind it"},
        {"a b.example", "! has a ' ', which names can't have"},
        {std::string(64, 'a') + ".example", "! has a label longer than 63 characters"},
        {std::string(63, 'a') + ".example", std::string(63, 'a') + ".example"},
    };
    for (const auto& [text, expected] : cases) {
        INFO(text);
        CHECK(shown(normal_host(text)) == expected);
    }
    std::string longest;
    while (longest.size() < 250) longest += "abcdefghi.";
    CHECK(shown(normal_host(longest + "net")) == longest + "net");
    CHECK(shown(normal_host(longest + "nets")) == "! is longer than 253 characters");
}

TEST_CASE("record names are relative to the zone, or within it") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"@", "kua.cl"},
        {"git", "git.kua.cl"},
        {"git.kua.cl", "git.kua.cl"},
        {"GIT.kua.cl.", "git.kua.cl"},
        {"kua.cl", "kua.cl"},
        {"notkua.cl", "notkua.cl.kua.cl"},
        {"*", "*.kua.cl"},
        {"*.dev", "*.dev.kua.cl"},
        {"_sip._tcp", "_sip._tcp.kua.cl"},
        {"bücher", "xn--bcher-kva.kua.cl"},
        {"git.example.net.", "! isn't in the zone kua.cl"},
        {".", "! isn't a name"},
        {"", "! is empty"},
    };
    for (const auto& [text, expected] : cases) {
        INFO(text);
        CHECK(shown(normal_name(text, "kua.cl")) == expected);
    }
    CHECK(short_name("kua.cl", "kua.cl") == "@");
    CHECK(short_name("a.b.kua.cl", "kua.cl") == "a.b");
    CHECK(short_name("notkua.cl", "kua.cl") == "notkua.cl");
}

TEST_CASE("values have one form") {
    struct Case {
        std::string type, text, expected;
    };

    const std::vector<Case> cases{
        {"A", "192.0.2.1", "192.0.2.1"},
        {"A", "1.1", "! isn't an IPv4 address"},
        {"A", "192.0.2.01", "! isn't an IPv4 address"},
        {"A", "", "! is empty"},
        {"AAAA", "2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"AAAA", "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},  // one group of zeros stays
        {"AAAA", "fe80::0:0:1", "fe80::1"},
        {"AAAA", "::ffff:192.0.2.1", "::ffff:192.0.2.1"},
        {"AAAA", "192.0.2.1", "! isn't an IPv6 address"},
        {"CNAME", "Mail.Example.NET.", "mail.example.net"},
        {"CNAME", "192.0.2.1", "! is an address where a host name is due"},
        {"CNAME", ".", "! names no host"},
        {"CNAME", "*.example.net", "! names a host with a *"},
        {"NS", "ns1.example.net.", "ns1.example.net"},
        {"PTR", "host.example.net", "host.example.net"},
        {"MX", "010  Mail.Example.net.", "10 mail.example.net"},
        {"MX", "0 .", "0 ."},
        {"MX", "65536 a.b", "! has '65536' where a number from 0 to 65535 is due"},
        {"MX", "mail.example.net", "! has 'mail.example.net' where a number from 0 to 65535 is due"},
        {"MX", "10", "! has 1 where 2 words are due"},
        {"SRV", "0 5 5060 Sip.example.net.", "0 5 5060 sip.example.net"},
        {"SRV", "0 0 0 .", "0 0 0 ."},
        {"SRV", "0 5 sip.example.net", "! has 'sip.example.net' where a number from 0 to 65535 is due"},
        {"CAA", "0 issue \"letsencrypt.org\"", "0 issue letsencrypt.org"},
        {"CAA",
         "128 ISSUE letsencrypt.org; validationmethods=dns-01",
         "128 issue letsencrypt.org; validationmethods=dns-01"},
        {"CAA", "0 issue \";\"", "0 issue ;"},
        {"CAA", "256 issue a", "! has '256' where a number from 0 to 255 is due"},
        {"CAA", "0 issue \"a\" b", "! has a quote too many"},
        {"CAA", "0 is-sue a", "! has 'is-sue' where a tag like issue is due"},
        {"SSHFP", "4 2 " + std::string(64, 'A'), "4 2 " + hexes(64)},
        {"SSHFP", "4 2 " + hexes(40), "! has a digest of 40 hexadecimal digits instead of 64"},
        {"SSHFP", "4 1 " + hexes(20) + " " + hexes(20), "4 1 " + hexes(40)},
        {"TLSA", "3 1 1 " + hexes(64), "3 1 1 " + hexes(64)},
        {"TLSA", "3 1 2 " + hexes(64), "! has a digest of 64 hexadecimal digits instead of 128"},
        {"TLSA", "3 1 0 abc", "! has no even number of hexadecimal digits at its end"},
        {"DS", "60485 13 2 " + hexes(64), "60485 13 2 " + hexes(64)},
        {"DS", "60485 13 1 " + hexes(64), "! has a digest of 64 hexadecimal digits instead of 40"},
        {"HTTPS", "1 . alpn=\"h3,h2\" ipv4hint=192.0.2.1", "1 . alpn=h3,h2 ipv4hint=192.0.2.1"},
        {"HTTPS",
         "1 . ipv6hint=2001:DB8::0:1 port=8443 alpn=h2",
         "1 . alpn=h2 port=8443 ipv6hint=2001:db8::1"},
        {"HTTPS", "1 .", "1 ."},
        {"HTTPS", "0 Other.example.", "0 other.example"},
        {"HTTPS", "0 other.example alpn=h2", "! has priority 0 (an alias) and parameters"},
        {"HTTPS", "1 . alpn=h2 alpn=h3", "! has the parameter alpn twice"},
        {"HTTPS", "1 . alpn", "! gives alpn no value"},
        {"HTTPS", "1 . colour=red", "! has the unknown parameter 'colour'"},
        {"HTTPS", "1 . ipv4hint=1.2.3", "! has the hint '1.2.3', which isn't an IPv4 address"},
        {"SVCB",
         "2 svc.example. key667=\"hello you\" no-default-alpn alpn=x",
         "2 svc.example alpn=x no-default-alpn key667=\"hello you\""},
        {"HTTPS", "1 . key667=a;b", "1 . key667=\"a;b\""},
        {"LOC", "51 30 N", "! is of a type that isn't managed"},
    };
    for (const auto& one : cases) {
        INFO(one.type << " " << one.text);
        const auto normal = normal_value(one.type, one.text);
        CHECK(shown(normal) == one.expected);
        if (normal) CHECK(shown(normal_value(one.type, shown_value(one.type, *normal))) == one.expected);
    }
}

TEST_CASE("TXT is its joined bytes, however it is written") {
    struct Case {
        std::string text, bytes;
    };

    const std::vector<Case> cases{
        {"v=spf1 -all", "v=spf1 -all"},
        {"\"v=spf1 -all\"", "v=spf1 -all"},
        {"\"v=spf1 \" \"-all\"", "v=spf1 -all"},
        {"\"a\"\t\"b\"", "ab"},
        {"say \"hi\" twice", "say \"hi\" twice"},
        {"\"say \\\"hi\\\"\"", "say \"hi\""},
        {"\"back\\\\slash\"", "back\\slash"},
        {"back\\slash", "back\\slash"},
        {"\"\\195\\169\"", "é"},
        {"; no comment", "; no comment"},
        {" blanks around ", " blanks around "},
        {"\"", "\""},
        {"half\"", "half\""},
        {"\"a\" b \"c\"", "! has a quote too many or an escape that makes no sense"},
        {"\"\\25\"", "! has a quote too many or an escape that makes no sense"},
        {"\"\\999\"", "! has a quote too many or an escape that makes no sense"},
        {"", "! is empty"},
        {"\"\"", "! is empty"},
    };
    for (const auto& one : cases) {
        INFO(one.text);
        CHECK(shown(normal_value("TXT", one.text)) == one.bytes);
    }
    CHECK(normal_value("TXT", std::string(4080, 'x')).has_value());  // 16 strings
    CHECK(shown(normal_value("TXT", std::string(4081, 'x'))) == "! takes 4098 bytes, more than 4096");
}

TEST_CASE("TXT is sent as strings of at most 255 bytes that are UTF-8 each") {
    for (const std::size_t size : {1, 254, 255, 256, 509, 510, 511, 764, 765, 766, 4080}) {
        std::string bytes;
        while (bytes.size() < size) bytes += static_cast<char>('a' + bytes.size() % 26);
        const auto quoted = txt_quoted(bytes);
        INFO(size);
        CHECK(quoted.size() == size + 2 * ((size + 254) / 255) + (size - 1) / 255);
        CHECK(shown(normal_value("TXT", quoted)) == bytes);
    }
    // A letter of two bytes across the border of two strings.
    const auto cut = std::string(254, 'x') + "é";
    CHECK(txt_quoted(cut) == "\"" + std::string(254, 'x') + "\\195\" \"\\169\"");
    CHECK(shown(normal_value("TXT", txt_quoted(cut))) == cut);
    CHECK(txt_quoted("é \"q\" \\") == "\"é \\\"q\\\" \\\\\"");
    CHECK(txt_quoted("\xff\x01") == "\"\\255\\001\"");
    CHECK(txt_quoted("\xc0\xaf") == "\"\\192\\175\"");           // overlong
    CHECK(txt_quoted("\xed\xa0\x80") == "\"\\237\\160\\128\"");  // a surrogate
    CHECK(txt_wire_size(std::string(255, 'x')) == 256);
    CHECK(txt_wire_size(std::string(256, 'x')) == 258);
}

TEST_CASE("values are taken apart into the API's members") {
    const auto words = [](const char* type, const char* value) { return value_words(type, value); };
    CHECK(words("A", "192.0.2.1") == std::vector<std::string>{"192.0.2.1"});
    CHECK(words("SRV", "0 5 5060 .") == std::vector<std::string>{"0", "5", "5060", "."});
    CHECK(words("CAA", "0 issue a; b=c") == std::vector<std::string>{"0", "issue", "a; b=c"});
    CHECK(words("HTTPS", "1 .") == std::vector<std::string>{"1", ".", ""});
    CHECK(value_members("SRV").size() == 4);
    CHECK(value_members("A").empty());
}
