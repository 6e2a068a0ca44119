#pragma once

#include <string>
#include <string_view>

namespace kavi::app {

/// Colour only repeats what a word or sign already says.
enum class Tone { plain, good, bad, warn, dim, bold };

/// The text in that tone's colour, or as it is.
std::string paint(Tone tone, std::string_view text, bool colour);

/// Columns that the text takes in a terminal: combining marks 0, wide characters and emoji 2. Escape
/// sequences are not expected: lay out first, paint after.
int display_width(std::string_view utf8);

/// The text cut to at most `width` columns, with "…" for what is missing.
std::string cut(std::string_view utf8, int width);

/// The text with spaces up to `width` columns.
std::string pad(std::string_view utf8, int width);

/// The text in lines of at most `width` columns, broken at spaces; lines but the first start with `indent`
/// spaces. A word that is wider stands alone and whole.
std::string wrap(std::string_view text, int width, int indent = 0);

}  // namespace kavi::app
