#pragma once

#include <kavi/model/compose.hpp>

#include <optional>
#include <string_view>
#include <variant>
#include <vector>

/// Compose's templates taken apart, for those who need more than the interpolated text.
namespace kavi::model {

/// "${NAME:-word}": the operator is "", "-", ":-", "+", ":+", "?" or ":?"; `raw` is the whole as written.
struct TemplateReference {
    std::string_view raw, name, op, word;
};

using TemplatePiece = std::variant<std::string_view, TemplateReference>;

/// The literal parts and references of a template, in order; nullopt: it isn't one, and `bad`, where given,
/// is set to the part that begins with the offending dollar.
std::optional<std::vector<TemplatePiece>> template_pieces(std::string_view text,
                                                          std::string_view* bad = nullptr);

/// Every reference, those in defaults too. Empty for what isn't a template.
std::vector<TemplateReference> template_references(std::string_view text);

}  // namespace kavi::model
