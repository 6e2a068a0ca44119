#include <kavi/base/error_codes.hpp>
#include <kavi/store/failures.hpp>
#include <kavi/store/store.hpp>

#include <fmt/format.h>

namespace kavi::store {

namespace {

std::string in_gib(std::uint64_t bytes) {
    return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / (1 << 30));
}

}  // namespace

Error missing_file(const std::string& store, const std::string& path) {
    return Error(errors::store_missing, fmt::format("store {} has no {}", store, path));
}

Error file_exists(const std::string& store, const std::string& path) {
    return Error(errors::store_failed, fmt::format("store {} has {} already", store, path));
}

Error no_space(const std::string& store, const std::optional<Space>& space) {
    Error error(errors::store_full, fmt::format("store {} is full", store));
    if (space) error.because(fmt::format("{} of {} are free", in_gib(space->free), in_gib(space->total)));
    error.fix("prune old backups (`kavi backup prune`), or make the store larger");
    return error;
}

std::string read_small(Store& store, const std::string& path, std::uint64_t largest) {
    std::string bytes;
    store.read(
        path, [&](std::string_view piece) { bytes += piece; }, 0, largest + 1);
    if (bytes.size() > largest)
        throw Error(errors::integrity, fmt::format("{} in store {} is too large", path, store.name()))
            .because(fmt::format("it has more than {} bytes", largest));
    return bytes;
}

void write_small(Store& store, const std::string& path, std::string_view bytes) {
    const auto upload = store.create(path);
    upload->write(bytes);
    upload->finish();
}

}  // namespace kavi::store
