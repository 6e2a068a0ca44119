#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/json.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/dns/images.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <map>

#include <fcntl.h>
#include <unistd.h>

namespace kavi::ops {
namespace {

/// Values may be any bytes: they are kept as base64 where JSON couldn't carry them.
Json value_json(const std::string& value) {
    const auto whole = Json(value).dump(-1, ' ', false, Json::error_handler_t::ignore);
    if (Json::parse(whole) == value) return value;
    return {{"base64", base64(value)}};
}

std::string value_of(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    return decode_base64(string_or(value, "base64")).value_or("");
}

Json to_json(const LiveRecord& live) {
    const auto& record = live.record;
    Json json{{"id", live.id},
              {"type", record.type},
              {"name", record.name},
              {"value", value_json(record.value)},
              {"ttl", record.ttl},
              {"proxied", record.proxied},
              {"comment", record.comment}};
    if (!live.tags.empty()) json["tags"] = live.tags;
    if (!live.settings.is_null()) json["settings"] = live.settings;
    return json;
}

std::optional<LiveRecord> live_of(const Json& json) {
    if (!json.is_object()) return std::nullopt;
    LiveRecord live{.id = string_or(json, "id")};
    live.record.type = string_or(json, "type");
    live.record.name = string_or(json, "name");
    live.record.value = value_of(json.value("value", Json()));
    live.record.comment = string_or(json, "comment");
    if (const auto ttl = json.value("ttl", Json(1)); ttl.is_number_integer())
        live.record.ttl = ttl.get<int>();
    if (const auto on = json.value("proxied", Json(false)); on.is_boolean())
        live.record.proxied = on.get<bool>();
    if (const auto tags = json.value("tags", Json::array()); tags.is_array())
        for (const auto& tag : tags)
            if (tag.is_string()) live.tags.push_back(tag.get<std::string>());
    live.settings = json.value("settings", Json());
    return live;
}

Json to_json(std::string_view what, const RecordImage& image) {
    return {{"state", what},
            {"zone", image.zone},
            {"before", image.before ? to_json(*image.before) : Json()},
            {"after", image.after ? to_json(*image.after) : Json()}};
}

/// What an image is of: the record that was there, or the one that is made.
std::string key_of(const RecordImage& image) {
    if (image.before) return image.zone + " " + image.before->id;
    const auto& record = image.after->record;
    return fmt::format("{} {} {} {}", image.zone, record.name, record.type, record.value);
}

}  // namespace

void ImageFile::append(std::string_view what, std::span<const RecordImage> images) {
    std::string text;
    for (const auto& image : images)
        text += to_json(what, image).dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
    const std::scoped_lock lock(mutex_);
    std::error_code ignored;
    std::filesystem::create_directories(file_.parent_path(), ignored);
    const FileDescriptor file(::open(file_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    std::size_t written = 0;
    while (file && written < text.size()) {
        const auto count = ::write(file.get(), text.data() + written, text.size() - written);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) break;
        written += static_cast<std::size_t>(count);
    }
    if (file && written == text.size() && ::fdatasync(file.get()) == 0) return;
    Error error(errors::file_unwritable,
                fmt::format("can't keep what the records were in {}", file_.string()));
    throw error.because(std::strerror(errno)).fix("make room; without it the run couldn't be taken back");
}

std::vector<RecordImage> read_images(const std::filesystem::path& file) {
    std::vector<RecordImage> images;
    std::map<std::string, std::size_t> places;
    for (const auto& line : split(read_file(file), '\n')) {
        const auto json = Json::parse(line, nullptr, false);
        if (!json.is_object()) continue;
        RecordImage image{.zone = string_or(json, "zone")};
        image.before = live_of(json.value("before", Json()));
        image.after = live_of(json.value("after", Json()));
        if (!image.before && !image.after) continue;
        const auto [place, fresh] = places.emplace(key_of(image), images.size());
        if (fresh)
            images.push_back(std::move(image));
        else
            images[place->second] = std::move(image);
    }
    return images;
}

}  // namespace kavi::ops
