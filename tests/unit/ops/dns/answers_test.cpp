#include <kavi/base/files.hpp>
#include <kavi/ops/dns/verify.hpp>

#include <map>
#include <thread>

#include <arpa/inet.h>
#include <poll.h>
#include <support/catch.hpp>
#include <sys/socket.h>
#include <unistd.h>

using namespace kavi;
using namespace kavi::ops;

namespace {

std::string number(unsigned value, int bytes) {
    std::string text;
    for (int i = bytes - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i) & 0xFFU);
    return text;
}

std::string counted(const std::string& text) {
    return number(static_cast<unsigned>(text.size()), 1) + text;
}

/// A pointer to the question's name, which begins at byte 12.
const std::string same_name = "\xc0\x0c";

/// "mail.<the question's name>".
const std::string mail = counted("mail") + same_name;

/// A name server on loopback that answers by the type asked for.
class NameServer {
  public:
    NameServer() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        socklen_t size = sizeof address;
        REQUIRE(::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &size) == 0);
        port = ntohs(address.sin_port);
        thread_ = std::jthread([this](std::stop_token stop) { serve(stop); });
    }

    std::uint16_t port = 0;
    std::map<unsigned, std::vector<std::string>> data;  ///< type → data of the answers
    unsigned code = 0;

  private:
    void serve(std::stop_token stop) {
        while (!stop.stop_requested()) {
            pollfd ready{socket_.get(), POLLIN, 0};
            if (::poll(&ready, 1, 20) <= 0) continue;
            std::array<char, 512> query{};
            sockaddr_in from{};
            socklen_t size = sizeof from;
            const auto got = ::recvfrom(
                socket_.get(), query.data(), query.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
            if (got < 12) continue;
            const auto reply = answer({query.data(), static_cast<std::size_t>(got)});
            ::sendto(
                socket_.get(), reply.data(), reply.size(), 0, reinterpret_cast<const sockaddr*>(&from), size);
        }
    }

    std::string answer(const std::string& query) const {
        const auto end = query.find('\0', 12);
        const auto question = query.substr(12, end + 5 - 12);
        const auto type = static_cast<unsigned>(static_cast<unsigned char>(query[end + 1]) << 8U |
                                                static_cast<unsigned char>(query[end + 2]));
        const auto found = data.find(type);
        const auto answers = found == data.end() ? std::vector<std::string>() : found->second;
        auto reply = query.substr(0, 2) + number(0x8400U | code, 2) + number(1, 2) +
                     number(static_cast<unsigned>(answers.size()), 2) + number(0, 4) + question;
        for (const auto& one : answers)
            reply += same_name + number(type, 2) + number(1, 2) + number(300, 4) +
                     number(static_cast<unsigned>(one.size()), 2) + one;
        return reply;
    }

    FileDescriptor socket_;
    std::jthread thread_;
};

}  // namespace

TEST_CASE("answers of name servers are read as zone files write values") {
    NameServer server;
    server.data = {
        {1, {std::string("\xc0\x00\x02\x01", 4), std::string("\xc0\x00\x02\x02", 4)}},
        {28, {std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01"}},
        {5, {mail}},
        {15, {number(10, 2) + mail, number(0, 2) + std::string(1, '\0')}},
        {16, {counted("v=spf1 ") + counted("-all"), counted("say \"hi\"")}},
        {33, {number(0, 2) + number(5, 2) + number(5060, 2) + mail}},
        {43, {number(60485, 2) + number(13, 1) + number(2, 1) + std::string(32, '\xab')}},
        {44, {number(4, 1) + number(2, 1) + std::string(32, '\xcd')}},
        {52, {number(3, 1) + number(1, 1) + number(1, 1) + std::string(32, '\xef')}},
        {257, {number(0, 1) + counted("issue") + "letsencrypt.org"}},
    };
    AuthoritativeAnswers answers(server.port);
    const auto ask = [&](const char* type) {
        return answers.ask("127.0.0.1", "kua.cl", type, {}).value_or(std::vector<std::string>{"no answer"});
    };
    using Values = std::vector<std::string>;
    CHECK(ask("A") == Values{"192.0.2.1", "192.0.2.2"});
    CHECK(ask("AAAA") == Values{"2001:db8::1"});
    CHECK(ask("CNAME") == Values{"mail.kua.cl"});
    CHECK(ask("MX") == Values{"10 mail.kua.cl", "0 ."});
    CHECK(ask("TXT") == Values{"\"v=spf1 -all\"", "\"say \\\"hi\\\"\""});
    CHECK(ask("SRV") == Values{"0 5 5060 mail.kua.cl"});
    CHECK(ask("CAA") == Values{"0 issue letsencrypt.org"});
    CHECK(ask("PTR").empty());
    for (const auto& [type, start] :
         {std::pair{"DS", "60485 13 2 abab"}, {"SSHFP", "4 2 cdcd"}, {"TLSA", "3 1 1 efef"}}) {
        REQUIRE(ask(type).size() == 1);
        CHECK(ask(type)[0].starts_with(start));
        CHECK(model::normal_value(type, ask(type)[0]).has_value());
    }
    SECTION("data that ends too early gives something, never more than there is") {
        server.data = {{15, {number(10, 2)}},
                       {16,
                        {"\x7f"
                         "abc"}},
                       {1, {"\x01"}},
                       {33, {number(1, 1)}},
                       {257, {number(0, 1) + "\x7fis"}}};
        for (const auto* type : {"MX", "TXT", "A", "SRV", "CAA"}) CHECK(ask(type).size() <= 1);
        CHECK(ask("TXT") == Values{"\"abc\""});
    }
    SECTION("no such name is an answer, a failure is none") {
        server.data = {};
        server.code = 3;
        CHECK(ask("A").empty());
        server.code = 2;
        CHECK(ask("A") == Values{"no answer"});
    }
}
