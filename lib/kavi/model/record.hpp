#pragma once

#include <cstddef>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// DNS records in normal form. This is the one place where names and values are normalised, for what
/// kavi.toml declares, what Cloudflare answers and what zone files say alike: otherwise a second run would
/// find differences.
namespace kavi::model {

/// A record in normal form: equal records have equal bytes.
struct Record {
    std::string type;   ///< "A"
    std::string name;   ///< full, lower case, punycode, without a final dot
    std::string value;  ///< as normal_value gives it
    int ttl = 1;        ///< seconds; 1: automatic, and always so where proxied
    bool proxied = false;
    std::string comment;  ///< all of it: a person's words and the owner's mark

    friend bool operator==(const Record&, const Record&) = default;
};

/// What was meant, or in a few words why it can't be ("isn't an IPv4 address").
template <typename T>
using Normal = std::expected<T, std::string>;

/// A, AAAA, CNAME, MX, TXT, SRV, CAA, NS, PTR, SSHFP, TLSA, HTTPS, SVCB, DS. Records of other types are seen
/// and never touched.
bool is_managed_type(std::string_view type);

/// A, AAAA and CNAME: what may stand behind Cloudflare's proxy.
bool can_be_proxied(std::string_view type);

/// A host name in lower case and punycode (UTS 46, non-transitional) without a final dot; "." stays (no
/// host). The first label may be "*"; labels may begin with '_'.
Normal<std::string> normal_host(std::string_view text);

/// A record's full name: "@", names relative to the zone, and names within it are understood. The zone is
/// normal already.
Normal<std::string> normal_name(std::string_view text, std::string_view zone);

/// "@" for the zone itself, else the name without the zone: what people read.
std::string short_name(std::string_view name, std::string_view zone);

/// The value of a record written as in a zone file, host names without a final dot taken as full:
///   A, AAAA     the address (RFC 5952)          CNAME NS PTR   the host
///   MX          "10 mail.example.net"           SRV            "10 5 5060 sip.example.net"
///   CAA         "0 issue letsencrypt.org"       TXT            the joined bytes, unquoted
///   SSHFP TLSA DS   numbers, then lower-case hexadecimal
///   HTTPS SVCB  "1 . alpn=h3,h2 ipv4hint=192.0.2.1", parameters in order of their keys
/// TXT text that begins and ends with '"' is read as strings of a zone file, any other as it is.
Normal<std::string> normal_value(std::string_view type, std::string_view text);

/// The words of a normal value in order, the last one with all that follows: {"10", "mail.example.net"}.
std::vector<std::string> value_words(std::string_view type, std::string_view value);

/// What those words are called in Cloudflare's API and in kavi.toml: {"priority", "target"}. Empty for types
/// of one word.
std::span<const std::string_view> value_members(std::string_view type);

/// TXT bytes as quoted strings of at most 255 bytes. Bytes that aren't ASCII are written as \DDD where a
/// string would cut a letter or where they aren't UTF-8, so that the result always is.
std::string txt_quoted(std::string_view bytes);

/// Size on the wire: a length byte before each 255.
std::size_t txt_wire_size(std::string_view bytes);

/// A value as people and zone files read it: TXT quoted, all else as it is.
std::string shown_value(std::string_view type, std::string_view value);

}  // namespace kavi::model
