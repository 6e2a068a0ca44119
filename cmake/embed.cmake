# Script behind kavi_embed: writes one .cpp with the files as byte arrays and a header that names them.
string(REPLACE "|" ";" FILES "${FILES}")
set(arrays "")
set(rows "")
set(index 0)
foreach(file IN LISTS FILES)
  file(RELATIVE_PATH name "${BASE}" "${file}")
  file(READ "${file}" hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  string(APPEND arrays "constexpr char bytes_${index}[] = {${bytes}'\\0'};\n")
  string(APPEND rows "    File{\"${name}\", {bytes_${index}, sizeof bytes_${index} - 1}},\n")
  math(EXPR index "${index} + 1")
endforeach()
file(WRITE "${HEADER}" "#pragma once
#include <span>
#include <string_view>
namespace kavi::embedded {
#ifndef KAVI_EMBEDDED_FILE
#define KAVI_EMBEDDED_FILE
struct File { std::string_view name; std::string_view content; };
#endif
std::span<const File> ${NAMESPACE}();
}  // namespace kavi::embedded
")
file(WRITE "${SOURCE}" "#include <embedded/${NAMESPACE}.hpp>
namespace kavi::embedded {
namespace {
${arrays}
constexpr File files[] = {
${rows}};
}  // namespace
std::span<const File> ${NAMESPACE}() { return files; }
}  // namespace kavi::embedded
")
