#include "layer.hpp"

#include "lab/tools.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/text.hpp>

namespace kavi::lab {

namespace fs = std::filesystem;

void make_layer(const fs::path& tar) {
    const auto diff_id = sha256_tag(read_file(tar));
    run_tool({"gzip", "-1", "-n", "-f", tar.string()});
    const fs::path file = tar.string() + ".gz";
    const Json notes{{"digest", sha256_tag(read_file(file))}, {"diff_id", diff_id}};
    write_file_atomic(tar.string() + ".json", notes.dump(), 0644);
}

Layer load_layer(const fs::path& folder, const std::string& name) {
    const auto file = folder / (name + ".tar.gz");
    const auto notes_file = folder / (name + ".tar.json");
    const auto notes = parse_json(read_file(notes_file), notes_file.string());
    return {.file = file,
            .digest = string_or(notes, "digest"),
            .diff_id = string_or(notes, "diff_id"),
            .size = fs::file_size(file)};
}

}  // namespace kavi::lab
