#include "store.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <fstream>

namespace kavi::lab::s3 {

std::string iso_time(Time time) {
    auto text = iso8601(time);
    text.pop_back();
    return text + ".000Z";
}

std::string http_time(Time time) {
    const auto seconds = std::chrono::system_clock::to_time_t(time);
    std::tm parts{};
    ::gmtime_r(&seconds, &parts);
    std::array<char, 40> text{};
    std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return text.data();
}

std::optional<Time> parse_iso(const std::string& text) {
    std::tm parts{};
    const auto* end = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (end == nullptr) return std::nullopt;
    const std::string rest = end;
    if (rest != "Z" && !(rest.starts_with(".") && rest.ends_with("Z"))) return std::nullopt;
    return std::chrono::system_clock::from_time_t(::timegm(&parts));
}

std::string md5(std::string_view bytes) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned int size = 0;
    if (EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_md5(), nullptr) != 1)
        throw Error(errors::internal, "MD5 isn't available");
    return {reinterpret_cast<const char*>(digest.data()), size};
}

Blob::Blob(std::string bytes, const std::optional<std::filesystem::path>& folder) : size_(bytes.size()) {
    if (!folder) {
        bytes_ = std::move(bytes);
        return;
    }
    std::filesystem::create_directories(*folder);
    file_ = *folder / hex(random_bytes(16));
    std::ofstream file(*file_, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    if (!file.flush()) throw Error(errors::file_unwritable, file_->string() + " can't be written");
}

Blob::~Blob() {
    std::error_code ignored;
    if (file_) std::filesystem::remove(*file_, ignored);
}

std::string Blob::read(std::size_t from, std::size_t count) const {
    if (!file_) return bytes_.substr(from, count);
    std::string bytes(std::min(count, size_ - from), '\0');
    std::ifstream file(*file_, std::ios::binary);
    file.seekg(static_cast<std::streamoff>(from));
    file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return bytes;
}

const Version* Bucket::present(const std::string& key) const {
    const auto found = objects.find(key);
    if (found == objects.end() || found->second.back().marker) return nullptr;
    return &found->second.back();
}

Version& Bucket::put(const std::string& key, Version version) {
    auto& versions = objects[key];
    version.id = versioning == Versioning::enabled ? hex(random_bytes(16)) : "null";
    version.modified = std::chrono::system_clock::now();
    if (version.id == "null") std::erase_if(versions, [](const Version& one) { return one.id == "null"; });
    return versions.emplace_back(std::move(version));
}

}  // namespace kavi::lab::s3
