#include "s3.hpp"
#include "signature.hpp"

#include <kavi/base/text.hpp>

#include <charconv>
#include <set>

namespace kavi::lab::s3 {
namespace {

struct Wanted {
    std::string prefix, delimiter, after;
    std::size_t count = 1000;
    bool encoded = false;
};

Wanted wanted_of(const Call& call) {
    Wanted wanted{.prefix = call.parameter("prefix").value_or(""),
                  .delimiter = call.parameter("delimiter").value_or(""),
                  .after = call.parameter("start-after").value_or("")};
    if (const auto token = call.parameter("continuation-token")) {
        const auto decoded = decode_base64(*token);
        if (!decoded) throw problem("InvalidArgument");
        wanted.after = *decoded;
    }
    if (const auto text = call.parameter("max-keys")) {
        const auto end = text->data() + text->size();
        if (std::from_chars(text->data(), end, wanted.count).ptr != end) throw problem("InvalidArgument");
        wanted.count = std::min<std::size_t>(wanted.count, 1000);
    }
    wanted.encoded = call.parameter("encoding-type") == "url";
    return wanted;
}

std::string name_of(const Wanted& wanted, const std::string& key) {
    return wanted.encoded ? uri_encode(key, true) : key;
}

std::string entry(const Wanted& wanted, const std::string& key, const Version& version) {
    return "<Contents>" + element("Key", name_of(wanted, key)) +
           element("LastModified", iso_time(version.modified)) + element("ETag", quoted(version.etag)) +
           element("Size", std::to_string(version.bytes->size())) + element("StorageClass", "STANDARD") +
           "</Contents>";
}

/// The common prefix that a key falls under; empty: it stands for itself.
std::string common_prefix(const Wanted& wanted, const std::string& key) {
    if (wanted.delimiter.empty()) return {};
    const auto end = key.find(wanted.delimiter, wanted.prefix.size());
    return end == key.npos ? std::string() : key.substr(0, end + wanted.delimiter.size());
}

struct Page {
    std::string contents, last;
    std::set<std::string> prefixes;
    std::size_t count = 0;
    bool truncated = false;
};

Page page_of(const Wanted& wanted, const Bucket& bucket) {
    Page page;
    for (auto at = bucket.objects.lower_bound(wanted.prefix);
         at != bucket.objects.end() && at->first.starts_with(wanted.prefix);
         ++at) {
        const auto& key = at->first;
        const auto* version = bucket.present(key);
        const auto common = common_prefix(wanted, key);
        const auto& name = common.empty() ? key : common;
        if (version == nullptr || name <= wanted.after || page.prefixes.contains(common)) continue;
        if (page.count == wanted.count) {
            page.truncated = true;
            break;
        }
        ++page.count;
        page.last = name;
        if (common.empty())
            page.contents += entry(wanted, key, *version);
        else
            page.prefixes.insert(common);
    }
    return page;
}

}  // namespace

Answer list_objects(const Call& call, const Bucket& bucket) {
    if (call.parameter("list-type") != "2") throw problem("NotImplemented");
    const auto wanted = wanted_of(call);
    const auto page = page_of(wanted, bucket);
    auto content = element("Name", bucket.name) + element("Prefix", name_of(wanted, wanted.prefix)) +
                   element("MaxKeys", std::to_string(wanted.count)) +
                   element("KeyCount", std::to_string(page.count)) +
                   element("IsTruncated", page.truncated ? "true" : "false");
    if (!wanted.delimiter.empty()) content += element("Delimiter", wanted.delimiter);
    if (wanted.encoded) content += element("EncodingType", "url");
    if (page.truncated) content += element("NextContinuationToken", base64(page.last));
    content += page.contents;
    for (const auto& prefix : page.prefixes)
        content += "<CommonPrefixes>" + element("Prefix", name_of(wanted, prefix)) + "</CommonPrefixes>";
    return xml("ListBucketResult", content);
}

Answer list_versions(const Call& call, const Bucket& bucket) {
    const auto prefix = call.parameter("prefix").value_or("");
    auto content = element("Name", bucket.name) + element("Prefix", prefix) + element("IsTruncated", "false");
    for (const auto& [key, versions] : bucket.objects) {
        if (!key.starts_with(prefix)) continue;
        for (auto one = versions.rbegin(); one != versions.rend(); ++one) {
            const std::string kind = one->marker ? "DeleteMarker" : "Version";
            content += "<" + kind + ">" + element("Key", key) + element("VersionId", one->id) +
                       element("IsLatest", one == versions.rbegin() ? "true" : "false") +
                       element("LastModified", iso_time(one->modified));
            if (!one->marker)
                content +=
                    element("ETag", quoted(one->etag)) + element("Size", std::to_string(one->bytes->size()));
            content += "</" + kind + ">";
        }
    }
    return xml("ListVersionsResult", content);
}

Answer list_uploads(const Bucket& bucket) {
    auto content = element("Bucket", bucket.name) + element("IsTruncated", "false");
    for (const auto& [id, upload] : bucket.uploads)
        content += "<Upload>" + element("Key", upload.key) + element("UploadId", id) +
                   element("Initiated", iso_time(upload.started)) + "</Upload>";
    return xml("ListMultipartUploadsResult", content);
}

}  // namespace kavi::lab::s3
