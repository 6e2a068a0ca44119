#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/store/failures.hpp>
#include <kavi/store/paths.hpp>
#include <kavi/store/s3_store.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace kavi::store {

namespace {

constexpr std::size_t part_size = std::size_t{16} << 20;
constexpr std::size_t most_parts = 10'000;
constexpr std::string_view part_begin = ".part-";

std::string unhex(std::string_view text) {
    std::string bytes;
    for (std::size_t i = 0; i + 1 < text.size(); i += 2) {
        unsigned value = 0;
        std::from_chars(text.data() + i, text.data() + i + 2, value, 16);
        bytes += static_cast<char>(value);
    }
    return bytes;
}

/// ".part-<hex of the object's name>.<hex of the upload's id>": ids have characters that paths don't.
std::string part_name(const api::S3PendingUpload& upload) {
    return fmt::format("{}{}.{}", part_begin, hex(name_of(upload.key)), hex(upload.id));
}

std::optional<api::S3PendingUpload> upload_of(std::string_view path) {
    if (!is_part(path)) return {};
    const auto name = name_of(path).substr(part_begin.size());
    const auto dot = name.find('.');
    if (dot == name.npos) return {};
    return api::S3PendingUpload{below(parent_of(path), unhex(name.substr(0, dot))),
                                unhex(name.substr(dot + 1))};
}

class S3Upload final : public Upload {
  public:
    S3Upload(api::S3Bucket& bucket, std::string key) : bucket_(bucket), key_(std::move(key)) {}

    ~S3Upload() override {
        if (id_.empty()) return;
        try {
            auto bucket = bucket_;
            bucket.stop_by({});
            bucket.abandon(key_, id_);
        } catch (const std::exception&) {
            // It stays among the unfinished.
        }
    }

    void write(std::string_view bytes) override {
        while (!bytes.empty()) {
            if (part_.size() == part_size) send_part();
            if (part_.empty()) part_.reserve(part_size);
            const auto piece = bytes.substr(0, part_size - part_.size());
            part_ += piece;
            size_ += piece.size();
            bytes.remove_prefix(piece.size());
        }
    }

    bool finish() override {
        if (id_.empty()) {
            bucket_.put(key_, std::move(part_));
            return true;
        }
        send_part();
        bucket_.complete(key_, id_, tags_, size_);
        id_.clear();
        return true;
    }

  private:
    void send_part() {
        if (tags_.size() == most_parts)
            throw Error(errors::store_failed,
                        fmt::format("{} is too large for store {}", key_, bucket_.name()))
                .because(
                    fmt::format("an object has at most {} parts of {} MiB", most_parts, part_size >> 20));
        if (id_.empty()) id_ = bucket_.begin(key_);
        tags_.push_back(bucket_.put_part(
            key_, id_, static_cast<int>(tags_.size()) + 1, std::exchange(part_, std::string())));
    }

    api::S3Bucket& bucket_;
    std::string key_, id_;  ///< the id is empty before the first part and after the end
    std::string part_;
    std::vector<std::string> tags_;
    std::uint64_t size_ = 0;
};

}  // namespace

S3Store::S3Store(api::S3Bucket bucket, std::string folder)
    : bucket_(std::move(bucket)), folder_(std::move(folder)) {}

std::vector<StoredFile> S3Store::list(const std::string& folder) {
    check_folder(folder);
    const auto top = below(folder_, folder);
    std::vector<StoredFile> found;
    for (auto& object : bucket_.list(top.empty() ? top : top + "/")) {
        const auto path = folder_.empty() ? object.key : object.key.substr(folder_.size() + 1);
        if (!path.ends_with('/')) found.push_back({path, object.bytes});  // consoles make "folders" so
    }
    std::ranges::sort(found, {}, &StoredFile::path);
    return found;
}

std::vector<StoredFile> S3Store::unfinished(const std::string& folder) {
    check_folder(folder);
    const auto top = below(folder_, folder);
    std::vector<StoredFile> found;
    for (const auto& upload : bucket_.pending(top.empty() ? top : top + "/")) {
        const auto place = below(parent_of(upload.key), part_name(upload));
        found.push_back({folder_.empty() ? place : place.substr(folder_.size() + 1), 0});
    }
    std::ranges::sort(found, {}, &StoredFile::path);
    return found;
}

std::unique_ptr<Upload> S3Store::create(const std::string& path) {
    check_path(path);
    const auto key = below(folder_, path);
    if (bucket_.size(key)) throw file_exists(name(), path);
    return std::make_unique<S3Upload>(bucket_, key);
}

void S3Store::read(const std::string& path,
                   const std::function<void(std::string_view)>& on_bytes,
                   std::uint64_t offset,
                   std::optional<std::uint64_t> limit) {
    check_path(path);
    auto left = limit.value_or(~std::uint64_t{0});
    std::string etag;
    do {
        const auto count = std::clamp<std::uint64_t>(left, 1, part_size);
        const auto piece = bucket_.get(below(folder_, path), offset, count, etag);
        if (!piece) throw missing_file(name(), path);
        const auto bytes = std::string_view(piece->bytes).substr(0, left);
        if (!bytes.empty()) on_bytes(bytes);
        offset += bytes.size();
        left -= bytes.size();
        etag = piece->etag;
        if (bytes.empty() || offset >= piece->total) return;
    } while (left > 0);
}

std::optional<std::string> S3Store::sha256(const std::string& path) {
    check_path(path);
    if (!bucket_.size(below(folder_, path))) throw missing_file(name(), path);
    return {};
}

void S3Store::remove(const std::string& path) {
    check_path(path);
    const auto key = below(folder_, path);
    if (const auto upload = upload_of(key))
        bucket_.abandon(upload->key, upload->id);
    else
        bucket_.remove(key);
}

}  // namespace kavi::store
