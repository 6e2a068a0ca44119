#include <kavi/base/error.hpp>
#include <kavi/base/json.hpp>
#include <kavi/ops/dns/verify.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>

namespace kavi::ops {
namespace {

constexpr std::array types{std::pair{"A", 1},
                           std::pair{"NS", 2},
                           std::pair{"CNAME", 5},
                           std::pair{"PTR", 12},
                           std::pair{"MX", 15},
                           std::pair{"TXT", 16},
                           std::pair{"AAAA", 28},
                           std::pair{"SRV", 33},
                           std::pair{"DS", 43},
                           std::pair{"SSHFP", 44},
                           std::pair{"TLSA", 52},
                           std::pair{"SVCB", 64},
                           std::pair{"HTTPS", 65},
                           std::pair{"CAA", 257}};

int number_of(std::string_view type) {
    const auto found =
        std::ranges::find(types, type, [](const auto& one) { return std::string_view(one.first); });
    return found == types.end() ? 0 : found->second;
}

/// The IPv4 address of a name server by the system's resolver.
std::optional<in_addr> address_of(const std::string& server) {
    addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_DGRAM;
    addrinfo* list = nullptr;
    if (::getaddrinfo(server.c_str(), nullptr, &hints, &list) != 0 || list == nullptr) return std::nullopt;
    const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
    sockaddr_in address{};
    std::memcpy(&address, list->ai_addr, sizeof address);
    return address.sin_addr;
}

/// The parts of one answer's data, read without going beyond it.
class Data {
  public:
    Data(const ns_msg& message, const ns_rr& record)
        : message_(message), at_(ns_rr_rdata(record)), end_(at_ + ns_rr_rdlen(record)) {}

    unsigned number(int bytes) {
        unsigned value = 0;
        for (int i = 0; i < bytes && at_ < end_; ++i) value = value << 8U | *at_++;
        return value;
    }

    std::string host() {
        std::array<char, NS_MAXDNAME> name{};
        const int size =
            ::ns_name_uncompress(ns_msg_base(message_), ns_msg_end(message_), at_, name.data(), name.size());
        if (size < 0) return {};
        at_ += std::min<std::ptrdiff_t>(size, end_ - at_);
        return name[0] == '\0' ? "." : name.data();
    }

    std::string text() {
        std::string bytes;
        while (at_ < end_) bytes += counted();
        return bytes;
    }

    std::string counted() {
        if (at_ >= end_) return {};
        const std::ptrdiff_t due = *at_++;
        const auto size = std::min(due, end_ - at_);
        std::string bytes(reinterpret_cast<const char*>(at_), static_cast<std::size_t>(size));
        at_ += size;
        return bytes;
    }

    std::string rest() {
        std::string bytes(reinterpret_cast<const char*>(at_), static_cast<std::size_t>(end_ - at_));
        at_ = end_;
        return bytes;
    }

    std::string address(int family) {
        std::array<char, INET6_ADDRSTRLEN> shown{};
        if (end_ - at_ != (family == AF_INET ? 4 : 16)) return {};
        return ::inet_ntop(family, at_, shown.data(), shown.size());
    }

  private:
    const ns_msg& message_;
    const unsigned char* at_;
    const unsigned char* end_;
};

std::string hex_of(std::string_view bytes) {
    std::string text;
    for (const char c : bytes) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return text;
}

/// As a zone file writes it; empty: of a type that isn't compared (HTTPS and SVCB are synthesised too).
std::string value_of(const std::string& type, Data data) {
    if (type == "A" || type == "AAAA") return data.address(type == "A" ? AF_INET : AF_INET6);
    if (type == "CNAME" || type == "NS" || type == "PTR") return data.host();
    if (type == "TXT") return model::txt_quoted(data.text());
    const auto first = type == "CAA" || type == "TLSA" || type == "SSHFP" ? data.number(1) : data.number(2);
    if (type == "MX") return fmt::format("{} {}", first, data.host());
    if (type == "SRV") {
        const auto weight = data.number(2), port = data.number(2);
        return fmt::format("{} {} {} {}", first, weight, port, data.host());
    }
    if (type == "CAA") {
        const auto tag = data.counted();
        return fmt::format("{} {} {}", first, tag, data.rest());
    }
    const auto second = data.number(1);
    if (type == "SSHFP") return fmt::format("{} {} {}", first, second, hex_of(data.rest()));
    const auto third = data.number(1);
    if (type == "TLSA") return fmt::format("{} {} {} {}", first, second, third, hex_of(data.rest()));
    if (type == "DS") return fmt::format("{} {} {} {}", first, second, third, hex_of(data.rest()));
    return {};
}

struct Resolver {
    struct __res_state state {};

    Resolver(const in_addr& server, std::uint16_t port) {
        ::res_ninit(&state);
        state.nscount = 1;
        state.nsaddr_list[0] = {};
        state.nsaddr_list[0].sin_family = AF_INET;
        state.nsaddr_list[0].sin_port = htons(port);
        state.nsaddr_list[0].sin_addr = server;
        state.retrans = 2;
        state.retry = 2;
        state.options &= ~static_cast<unsigned long>(RES_RECURSE | RES_DNSRCH | RES_DEFNAMES);
    }

    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;

    ~Resolver() { ::res_nclose(&state); }
};

std::optional<std::vector<std::string>> read_answer(std::span<const unsigned char> bytes,
                                                    const std::string& type) {
    ns_msg message;
    if (::ns_initparse(bytes.data(), static_cast<int>(bytes.size()), &message) < 0) return std::nullopt;
    const auto code = ns_msg_getflag(message, ns_f_rcode);
    if (code != ns_r_noerror && code != ns_r_nxdomain) return std::nullopt;
    std::vector<std::string> values;
    // A delegation is answered in the authority section.
    for (const auto section : {ns_s_an, ns_s_ns}) {
        if (section == ns_s_ns && (type != "NS" || !values.empty())) break;
        for (int i = 0; i < ns_msg_count(message, section); ++i) {
            ns_rr record;
            if (::ns_parserr(&message, section, i, &record) < 0) return std::nullopt;
            if (ns_rr_type(record) == number_of(type))
                values.push_back(value_of(type, Data(message, record)));
        }
    }
    return values;
}

}  // namespace

std::optional<std::vector<std::string>> DohAnswers::ask(const std::string&,
                                                        const std::string& name,
                                                        const std::string& type,
                                                        std::stop_token stop) {
    net::Request request{.url = fmt::format("{}?name={}&type={}", url_, name, type)};
    request.headers = {{"Accept", "application/dns-json"}};
    request.timeout = std::chrono::seconds(10);
    try {
        const auto response = transport_.send(request, stop);
        if (response.status != 200) return std::nullopt;
        const auto json = parse_json(response.body, "the answer to a name look-up");
        std::vector<std::string> values;
        if (!json.is_object() || !json.contains("Answer") || !json["Answer"].is_array()) return values;
        for (const auto& one : json["Answer"])
            if (one.is_object() && one.value("type", Json(0)) == number_of(type))
                values.push_back(string_or(one, "data"));
        return values;
    } catch (const Error&) {
        return std::nullopt;
    }
}

std::optional<std::vector<std::string>> AuthoritativeAnswers::ask(const std::string& server,
                                                                  const std::string& name,
                                                                  const std::string& type,
                                                                  std::stop_token stop) {
    const auto number = number_of(type);
    if (number == 0 || stop.stop_requested()) return std::nullopt;
    const auto address = address_of(server);
    if (!address) return std::nullopt;
    Resolver resolver(*address, port_);
    std::array<unsigned char, 512> query{};
    const int size = ::res_nmkquery(&resolver.state,
                                    ns_o_query,
                                    name.c_str(),
                                    ns_c_in,
                                    number,
                                    nullptr,
                                    0,
                                    nullptr,
                                    query.data(),
                                    query.size());
    if (size < 0) return std::nullopt;
    std::vector<unsigned char> answer(65536);
    const int got =
        ::res_nsend(&resolver.state, query.data(), size, answer.data(), static_cast<int>(answer.size()));
    if (got <= 0) return std::nullopt;
    return read_answer({answer.data(), static_cast<std::size_t>(got)}, type);
}

}  // namespace kavi::ops
