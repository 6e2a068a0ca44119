#pragma once

#include <kavi/model/estate.hpp>
#include <kavi/model/record.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Which records an estate is to have.
namespace kavi::model {

/// A record that the estate declares.
struct DesiredRecord {
    std::string zone;
    Record record;          ///< its comment: the words that the estate declares, without the owner's mark
    std::string reference;  ///< "server:bruno/ipv4" where the address isn't known yet; then `value` is empty
    bool comment_declared = false;  ///< false: words that a person wrote there stay
    std::string service;            ///< of a domain
    std::string exposes_origin;     ///< why publishing the origin's address is accepted; empty: it isn't
    std::string source;             ///< "[domains.\"git.kua.cl\"]", "[[records]] in line 44"
};

/// A server's addresses as far as they are known.
struct ServerAddresses {
    std::optional<std::string> ipv4, ipv6;
};

/// By the server's name.
using Addresses = std::map<std::string, ServerAddresses>;

/// service → server, for every service that a domain names.
using ServiceServers = std::map<std::string, std::string>;

/// Every record of the declared zones, in order of zone, name, type and value. A domain becomes an A record
/// (and an AAAA record where its server declares ipv6) with the address that `addresses` has, else that
/// kavi.toml has, else a reference. Throws errors::config_invalid with every problem as a cause: values that
/// aren't valid for their type, doubled records, a CNAME beside addresses, TTLs of proxied records, what
/// Cloudflare would refuse.
std::vector<DesiredRecord> desired_records(const Estate& estate,
                                           const ServiceServers& servers,
                                           const Addresses& addresses);

/// A comment, taken apart: "Git over SSH kavi:kavi" is {"Git over SSH", "kavi"}.
struct Comment {
    std::string words;
    std::string owner;  ///< the estate; empty: nobody of kavi's
};

Comment parse_comment(std::string_view text);

/// The words, then "kavi:<estate>".
std::string owned_comment(std::string_view words, std::string_view estate);

/// Length as Cloudflare counts it, in code points.
std::size_t comment_length(std::string_view text);

}  // namespace kavi::model
