#pragma once

#include <kavi/ops/dns/observe.hpp>

#include <filesystem>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace kavi::ops {

/// What a record was before a change, and what it is after it.
struct RecordImage {
    std::string zone;
    std::optional<LiveRecord> before, after;  ///< an id of `after` is empty as long as it isn't known
};

/// Keeps images of what is changed, so that a run can be taken back.
class ImageSink {
  public:
    virtual ~ImageSink() = default;
    /// About to be made; called before the request leaves.
    virtual void intended(std::span<const RecordImage> images) = 0;
    /// Made, with the new records' ids.
    virtual void done(std::span<const RecordImage> images) = 0;
};

/// Forgets them.
class NoImages final : public ImageSink {
  public:
    void intended(std::span<const RecordImage>) override {}

    void done(std::span<const RecordImage>) override {}
};

/// Appends them to a file of JSON lines (0600), in $XDG_STATE_HOME/kavi/runs/RUN.
class ImageFile final : public ImageSink {
  public:
    /// The file is made with the first image. Throws errors::file_unwritable, then and later.
    explicit ImageFile(std::filesystem::path file) : file_(std::move(file)) {}

    void intended(std::span<const RecordImage> images) override { append("intended", images); }

    void done(std::span<const RecordImage> images) override { append("done", images); }

  private:
    void append(std::string_view what, std::span<const RecordImage> images);

    std::filesystem::path file_;
    std::mutex mutex_;
};

/// The images of such a file: what was done, and what was intended without a word about its end (its `after`
/// has no id then). A line that was cut off is passed over. Throws errors::file_unreadable.
std::vector<RecordImage> read_images(const std::filesystem::path& file);

}  // namespace kavi::ops
