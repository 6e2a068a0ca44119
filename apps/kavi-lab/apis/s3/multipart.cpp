#include "s3.hpp"

#include <kavi/base/text.hpp>

#include <charconv>
#include <utility>

namespace kavi::lab::s3 {
namespace {

constexpr std::size_t smallest_part = 5 * 1024 * 1024;
constexpr int most_parts = 10'000;

Answer begin(const Call& call, Bucket& bucket, const std::string& key) {
    Upload upload{.id = "2~" + hex(random_bytes(16)), .key = key};
    upload.content_type = call.header("content-type").value_or("binary/octet-stream");
    upload.metadata = metadata_of(call);
    upload.lock = lock_of(call, bucket);
    upload.started = std::chrono::system_clock::now();
    const auto id = upload.id;
    bucket.uploads.emplace(id, std::move(upload));
    return xml("InitiateMultipartUploadResult",
               element("Bucket", bucket.name) + element("Key", key) + element("UploadId", id));
}

Upload& upload_of(const Call& call, Bucket& bucket, const std::string& key) {
    const auto found = bucket.uploads.find(call.parameter("uploadId").value_or(""));
    if (found == bucket.uploads.end() || found->second.key != key) throw problem("NoSuchUpload");
    return found->second;
}

int part_number(const std::string& text) {
    int number = 0;
    const auto end = text.data() + text.size();
    if (std::from_chars(text.data(), end, number).ptr != end || number < 1 || number > most_parts)
        throw problem("InvalidArgument");
    return number;
}

Answer put_part(S3& s3, const Call& call, Upload& upload) {
    const auto number = part_number(call.parameter("partNumber").value_or(""));
    check_md5(call);
    const auto tag = hex(md5(call.body));
    upload.parts[number] = {s3.keep(call.body), tag};
    auto answer = Answer::empty(200);
    answer.headers = {{"ETag", quoted(tag)}};
    return answer;
}

Answer list_parts(const Upload& upload) {
    std::string parts;
    for (const auto& [number, part] : upload.parts)
        parts += "<Part>" + element("PartNumber", std::to_string(number)) +
                 element("ETag", quoted(part.second)) + element("Size", std::to_string(part.first->size())) +
                 "</Part>";
    return xml("ListPartsResult",
               element("Key", upload.key) + element("UploadId", upload.id) + element("IsTruncated", "false") +
                   parts);
}

std::string without_quotes(const std::string& tag) {
    return tag.size() > 1 && tag.front() == '"' ? tag.substr(1, tag.size() - 2) : tag;
}

/// The parts that the body names, in their order. Throws Problem.
std::vector<int> chosen_parts(const Call& call, const Upload& upload) {
    std::vector<int> chosen;
    for (const auto& one : elements(call.body, "Part")) {
        const auto number = part_number(first_element(one, "PartNumber"));
        if (!chosen.empty() && number <= chosen.back()) throw problem("InvalidPartOrder");
        const auto part = upload.parts.find(number);
        if (part == upload.parts.end() || part->second.second != without_quotes(first_element(one, "ETag")))
            throw problem("InvalidPart");
        chosen.push_back(number);
    }
    if (chosen.empty()) throw problem("MalformedXML");
    for (const auto number : chosen)
        if (number != chosen.back() && upload.parts.at(number).first->size() < smallest_part)
            throw problem("EntityTooSmall");
    return chosen;
}

Answer complete(S3& s3, const Call& call, Bucket& bucket, const Upload& upload) {
    const auto chosen = chosen_parts(call, upload);
    std::string bytes, digests;
    for (const auto number : chosen) {
        const auto& part = *upload.parts.at(number).first;
        const auto piece = part.read(0, part.size());
        digests += md5(piece);
        bytes += piece;
    }
    Version version{.bytes = s3.keep(std::move(bytes)),
                    .etag = hex(md5(digests)) + "-" + std::to_string(chosen.size())};
    version.content_type = upload.content_type;
    version.metadata = upload.metadata;
    version.lock = upload.lock;
    const auto& kept = bucket.put(upload.key, std::move(version));
    auto answer =
        xml("CompleteMultipartUploadResult",
            element("Location", "/" + bucket.name + "/" + upload.key) + element("Bucket", bucket.name) +
                element("Key", upload.key) + element("ETag", quoted(kept.etag)));
    if (bucket.versioning != Versioning::never) answer.headers.emplace_back("x-amz-version-id", kept.id);
    bucket.uploads.erase(std::string(upload.id));
    return answer;
}

}  // namespace

Answer multipart_operation(S3& s3, const Call& call, Bucket& bucket, const std::string& key) {
    if (call.method == "POST" && call.parameter("uploads")) return begin(call, bucket, key);
    auto& upload = upload_of(call, bucket, key);
    if (call.method == "PUT") return put_part(s3, call, upload);
    if (call.method == "GET") return list_parts(upload);
    if (call.method == "POST") return complete(s3, call, bucket, upload);
    if (call.method != "DELETE") throw problem("MethodNotAllowed");
    bucket.uploads.erase(std::string(upload.id));
    return Answer::empty(204);
}

}  // namespace kavi::lab::s3
