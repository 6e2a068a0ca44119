// Manifests of backups come from a store that others can write: what can be read can be written and comes back the
// same; what can't is refused by an Error. The same bytes also try notes' names and people's times.
#include <kavi/base/error.hpp>
#include <kavi/ops/backup/manifest.hpp>
#include <kavi/ops/backup/verify_notes.hpp>
#include <kavi/ops/backup/when.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace kavi;
using namespace kavi::ops;

namespace {

void try_manifest(std::string_view bytes) {
    try {
        const auto manifest = read_manifest(bytes, "x");
        const auto written = write_manifest(manifest);
        if (!(read_manifest(written, "y") == manifest)) std::abort();
        if (write_manifest(read_manifest(written, "y")) != written) std::abort();
    } catch (const Error&) {
    }
}

void try_signature(std::string_view bytes) {
    try {
        open_manifest("{}", bytes, {}, "x");
        std::abort();  // nobody may sign
    } catch (const Error&) {
    }
}

void try_note(std::string_view file) {
    if (const auto note = parse_note_file(file); note && note_file(*note) != file) std::abort();
}

void try_time(std::string_view text) {
    try {
        parse_when(text, std::chrono::sys_seconds(std::chrono::seconds(1795600000)), {});
    } catch (const Error&) {
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    try_manifest(bytes);
    try_signature(bytes);
    try_note(bytes);
    try_time(bytes);
    return 0;
}
