#include <kavi/base/files.hpp>
#include <kavi/model/estate_table.hpp>

#include <cstdlib>

#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::model;

namespace {

const std::filesystem::path page = std::filesystem::path(KAVI_SOURCE_DIR) / "docs/estate-file.md";
constexpr std::string_view mark =
    "<!-- From the table of keys (estate_table.cpp): KAVI_ACCEPT=1 test_model rewrites it. -->\n";

std::string cell(std::string_view text) {
    std::string safe;
    for (const char c : text) safe += c == '|' ? std::string("\\|") : std::string(1, c);
    return safe;
}

std::string generated() {
    std::string text(mark);
    for (const auto& table : estate_reference()) {
        text += fmt::format("\n### {}\n\n", table.heading.empty() ? "At the top" : "`" + table.heading + "`");
        if (!table.doc.empty()) text += fmt::format("{}\n\n", table.doc);
        text += "| key | value | default | meaning |\n| --- | --- | --- | --- |\n";
        for (const auto& row : table.rows)
            text += fmt::format("| `{}` | {} | {} | {} |\n",
                                row.key,
                                cell(row.type),
                                row.required ? "required" : cell(row.fallback),
                                cell(row.doc));
    }
    return text;
}

}  // namespace

TEST_CASE("docs/estate-file.md lists the keys that there are") {
    const auto text = read_file(page);
    const auto at = text.find(mark);
    REQUIRE(at != std::string::npos);
    const auto wanted = generated();
    if (text.substr(at) != wanted && std::getenv("KAVI_ACCEPT") != nullptr)
        write_file_atomic(page, text.substr(0, at) + wanted, 0644);
    CHECK(text.substr(at) == wanted);
}
