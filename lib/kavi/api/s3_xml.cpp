#include <kavi/api/s3_xml.hpp>

#include <fmt/format.h>

#include <array>
#include <utility>

namespace kavi::api {

namespace {

constexpr std::array<std::pair<std::string_view, char>, 5> entities{
    {{"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}, {"&amp;", '&'}}};

std::string resolved(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        std::size_t taken = 0;
        for (const auto& [entity, c] : entities)
            if (text.starts_with(entity)) {
                out += c;
                taken = entity.size();
            }
        if (text.starts_with("&#34;")) {  // Go's encoder, for instance MinIO's
            out += '"';
            taken = 5;
        }
        if (taken == 0) {
            out += text.front();
            taken = 1;
        }
        text.remove_prefix(taken);
    }
    return out;
}

}  // namespace

std::vector<std::string_view> xml_elements(std::string_view document, std::string_view name) {
    const auto open = fmt::format("<{}>", name), close = fmt::format("</{}>", name);
    std::vector<std::string_view> found;
    for (auto begin = document.find(open); begin != document.npos; begin = document.find(open, begin)) {
        begin += open.size();
        const auto end = document.find(close, begin);
        if (end == document.npos) break;
        found.push_back(document.substr(begin, end - begin));
        begin = end;
    }
    return found;
}

std::string xml_text(std::string_view document, std::string_view name) {
    const auto found = xml_elements(document, name);
    return found.empty() ? std::string() : resolved(found.front());
}

std::string xml_escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const std::string_view escaped = c == '<'   ? "&lt;"
                                         : c == '>' ? "&gt;"
                                         : c == '&' ? "&amp;"
                                         : c == '"' ? "&quot;"
                                                    : "";
        if (escaped.empty())
            out += c;
        else
            out += escaped;
    }
    return out;
}

}  // namespace kavi::api
