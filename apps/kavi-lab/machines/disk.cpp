#include "disk.hpp"

#include "lab/tools.hpp"

#include <string>

namespace kavi::lab {

namespace fs = std::filesystem;

fs::path make_disk(const fs::path& folder, std::uint64_t size) {
    const auto file = folder / "disk.ext4";
    const auto mount_point = folder / "disk";
    fs::create_directories(mount_point);
    run_tool({"truncate", "--size", std::to_string(size), file.string()});
    run_tool({"mkfs.ext4",
              "-q",
              "-F",
              "-m",
              "0",
              "-O",
              "^has_journal",
              "-E",
              "lazy_itable_init=1,nodiscard",
              file.string()});
    run_tool({"mount", "-o", "loop", file.string(), mount_point.string()});
    fs::remove(mount_point / "lost+found");
    return mount_point;
}

void drop_disk(const fs::path& folder) {
    const auto mount_point = folder / "disk";
    if (tool_succeeds({"mountpoint", "--quiet", mount_point.string()}))
        run_tool({"umount", mount_point.string()});
    fs::remove(folder / "disk.ext4");
}

void fill_disk(const fs::path& mount_point, bool full) {
    const auto filler = mount_point / ".lab-filler";
    fs::remove(filler);
    if (!full) return;
    // It fails, as it should: that is when the disk is full.
    tool_succeeds({"dd", "if=/dev/zero", "of=" + filler.string(), "bs=1M"}, std::chrono::minutes(5));
    tool_succeeds({"dd", "if=/dev/zero", "of=" + filler.string(), "bs=4K", "oflag=append", "conv=notrunc"});
}

}  // namespace kavi::lab
