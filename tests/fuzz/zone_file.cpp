#include <kavi/base/error.hpp>
#include <kavi/model/zone_file.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

/// Whatever is read as a zone file is written and read again as the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try {
        const auto file = kavi::model::read_zone_file(text, "kua.cl", "fuzz");
        const auto written = kavi::model::write_zone_file("kua.cl", file.records);
        const auto again = kavi::model::read_zone_file(written, "kua.cl", "written");
        if (again.records.size() != file.records.size()) std::abort();
        for (const auto& record : file.records)
            if (std::ranges::find(again.records, record) == again.records.end()) std::abort();
        kavi::model::to_toml("kua.cl", file.records);
    } catch (const kavi::Error&) {
    }
    return 0;
}
