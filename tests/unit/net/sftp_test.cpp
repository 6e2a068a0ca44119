#include <kavi/base/error_codes.hpp>
#include <kavi/net/sftp.hpp>

#include <deque>

#include <support/catch.hpp>
#include <support/errors.hpp>

using namespace kavi;
using namespace kavi::net;
using namespace kavi::test;

namespace {

/// Takes whatever is written; gives what it was told to, piece by piece.
class ScriptedChannel final : public SshChannel {
  public:
    explicit ScriptedChannel(std::deque<std::string> pieces) : pieces_(std::move(pieces)) {}

    void write(std::string_view, std::stop_token) override {}

    void end_input() override {}

    std::optional<std::string> read(std::stop_token, std::chrono::milliseconds) override {
        if (pieces_.empty()) return {};
        auto piece = std::move(pieces_.front());
        pieces_.pop_front();
        return piece;
    }

    std::string errors() const override { return "sftp-server: gone\n"; }

    int status() override { return 0; }

  private:
    std::deque<std::string> pieces_;
};

std::string hello() {
    return SftpPacker(SftpType::version).number(3).text("fsync@openssh.com").text("1").finish();
}

std::string status(std::uint32_t id, SftpStatus code) {
    return SftpPacker(SftpType::status)
        .number(id)
        .number(static_cast<std::uint32_t>(code))
        .text("why")
        .text("")
        .finish();
}

SftpLine line_with(std::deque<std::string> pieces) {
    return {std::make_unique<ScriptedChannel>(std::move(pieces)), "box", {}};
}

std::uint32_t ask(SftpLine& line) {
    return line.post(SftpType::remove, [](SftpPacker& packer) { packer.text("x"); });
}

}  // namespace

TEST_CASE("answers are matched by id, in whatever order and pieces they come") {
    const auto all = hello() + status(2, SftpStatus::failure) + status(1, SftpStatus::ok);
    const std::size_t piece = GENERATE(1, 7, 1000);
    std::deque<std::string> pieces;
    for (std::size_t at = 0; at < all.size(); at += piece) pieces.push_back(all.substr(at, piece));
    auto line = line_with(std::move(pieces));
    CHECK(line.extensions() == std::map<std::string, std::string>{{"fsync@openssh.com", "1"}});
    const auto first = ask(line), second = ask(line);
    line.expect_ok(line.await(first), "the first");
    const auto answer = line.await(second);
    const auto error = error_of([&] { line.expect_ok(answer, "the second"); });
    CHECK(error.message() == "the second on box failed");
    CHECK(causes(error) == "why (SFTP 4)");
    const auto end = error_of([&] { line.await(ask(line)); });
    CHECK(end.code() == errors::ssh_unreachable);
    CHECK(causes(end) == "sftp-server: gone");
}

TEST_CASE("what isn't SFTP is said to be that") {
    const auto greeting = GENERATE(as<std::string>(), "Welcome to the server!\n", std::string(8, '\0'));
    const auto error = error_of([&] { line_with({greeting}); });
    CHECK(error.message() == "box answers something that isn't SFTP");
    CHECK(error_of([] { line_with({SftpPacker(SftpType::version).number(2).finish()}); }).message() ==
          "box speaks no SFTP of version 3");
}

TEST_CASE("answers that lie about themselves are errors") {
    SECTION("an id that was never asked") {
        auto line = line_with({hello() + status(77, SftpStatus::ok)});
        CHECK(error_of([&] { line.await(ask(line)); }).message() == "box answers what wasn't asked");
    }
    SECTION("a text longer than its packet") {
        auto line =
            line_with({hello() + SftpPacker(SftpType::handle).number(1).number(4'000'000'000U).finish()});
        const auto answer = line.await(ask(line));
        CHECK(error_of([&] { answer.unpack().text(); }).message() == "an SFTP answer can't be read");
    }
    SECTION("another type") {
        auto line = line_with({hello() + SftpPacker(SftpType::handle).number(1).text("h").finish()});
        CHECK(causes(error_of([&] { line.status_of(line.await(ask(line))); })) == "SFTP type 102");
    }
}

TEST_CASE("attributes are read whatever the server tells") {
    const auto packet = SftpPacker(SftpType::attributes)
                            .number(0x8000000f)
                            .long_number(5'000'000'000)
                            .number(1)
                            .number(2)
                            .number(0040750)
                            .number(3)
                            .number(1'700'000'000)
                            .number(1)
                            .text("name")
                            .text("value")
                            .number(99)
                            .finish();
    SftpUnpacker unpacker(std::string_view(packet).substr(5));
    const auto attributes = unpacker.attributes();
    CHECK(attributes.size == 5'000'000'000);
    CHECK(attributes.mode == 0040750);
    CHECK(attributes.is_folder());
    CHECK(attributes.modified == 1'700'000'000);
    CHECK(unpacker.number() == 99);
    CHECK(unpacker.at_end());
}
