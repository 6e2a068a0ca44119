#include <kavi/base/error.hpp>
#include <kavi/ops/agent/items.hpp>

#include <support/catch.hpp>

using namespace kavi;

namespace {

/// As Redis 7.0 writes it for an empty server: header, two fields, the end, CRC-64 in little endian.
const std::string rdb = std::string(
    "REDIS0010\xfa\x09redis-ver\x06"
    "7.0.15\xfa\x0aredis-bits\xc0\x40\xff",
    42);

std::string with_checksum(std::string text) {
    // Bit by bit, by the polynomial's own definition: another way than the code's table.
    std::uint64_t crc = 0;
    for (const char c : text)
        for (int bit = 0; bit < 8; ++bit) {
            const bool in = ((static_cast<unsigned char>(c) >> bit) & 1) != 0;
            const bool out = (crc & 1) != 0;
            crc >>= 1;
            if (in != out) crc ^= 0x95ac9329ac4bc9b5ull;
        }
    for (int i = 0; i < 8; ++i) text += static_cast<char>(crc >> (8 * i) & 0xff);
    return text;
}

std::string judged(const std::string& text, std::size_t step) {
    ops::RdbCheck check;
    for (std::size_t i = 0; i < text.size(); i += step) check.add(std::string_view(text).substr(i, step));
    try {
        check.finish();
        return "good";
    } catch (const Error& error) {
        return error.message();
    }
}

}  // namespace

TEST_CASE("CRC-64 is Redis's") {
    // The check value of the algorithm, as Redis's own test has it.
    CHECK(with_checksum("123456789").substr(9) == std::string("\xca\xd9\xb8\xc4\x14\xd9\xc6\xe9", 8));
}

TEST_CASE("an RDB is looked at as it passes, in pieces of any size") {
    const auto step =
        GENERATE(std::size_t{1}, std::size_t{7}, std::size_t{8}, std::size_t{9}, std::size_t{1000});
    const auto good = with_checksum(rdb);
    CHECK(judged(good, step) == "good");
    CHECK(judged(rdb + std::string(8, '\0'), step) == "good");  // rdbchecksum no
    CHECK(judged("", step) == "what Redis saved is no RDB");
    CHECK(judged("REDI", step) == "what Redis saved is no RDB");
    CHECK(judged("(error) NOAUTH Authentication required.", step) == "what Redis saved is no RDB");
    CHECK(judged("REDIS", step) == "the RDB is cut off");
    for (std::size_t cut = 6; cut < good.size(); ++cut)
        CHECK(judged(good.substr(0, cut), step) == "the RDB is cut off");
    for (std::size_t i = 5; i < rdb.size() - 1; ++i) {
        auto bad = good;
        bad[i] ^= 1;
        CHECK(judged(bad, step) == "the RDB's checksum is wrong");
    }
}

TEST_CASE("names become parts of file names") {
    struct Case {
        std::string name, file;
    };

    const auto one = GENERATE(values<Case>({{"infisical", "infisical"},
                                            {"A-b_c.9", "A-b_c.9"},
                                            {"my app's; \"db\"", "my_20app_27s_3b_20_22db_22"},
                                            {"../x", ".._2fx"},
                                            {"ñandú", "_c3_b1and_c3_ba"},
                                            {"a\nb", "a_0ab"}}));
    CHECK(ops::file_name_of(one.name) == one.file);
}
