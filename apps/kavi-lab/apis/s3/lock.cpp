#include "s3.hpp"

#include <charconv>

namespace kavi::lab::s3 {
namespace {

std::string checked_mode(const std::string& mode) {
    if (mode != "COMPLIANCE" && mode != "GOVERNANCE") throw problem("MalformedXML");
    return mode;
}

Time checked_until(const std::string& text) {
    const auto until = parse_iso(text);
    if (!until) throw problem("InvalidArgument");
    if (*until <= std::chrono::system_clock::now())
        throw Problem{400, "InvalidArgument", "The retain until date must be in the future"};
    return *until;
}

Answer show_retention(const Lock& lock) {
    if (lock.mode.empty()) throw problem("NoSuchObjectLockConfiguration");
    return xml("Retention", element("Mode", lock.mode) + element("RetainUntilDate", iso_time(*lock.until)));
}

/// A stronger lock is always taken; a weaker one not from COMPLIANCE, and from GOVERNANCE only with the
/// bypass.
Answer put_retention(const Call& call, Lock& lock) {
    const auto mode = checked_mode(first_element(call.body, "Mode"));
    const auto until = checked_until(first_element(call.body, "RetainUntilDate"));
    const bool weaker =
        !lock.mode.empty() && (until < *lock.until || (lock.mode == "COMPLIANCE" && mode != lock.mode));
    const bool bypass = call.header("x-amz-bypass-governance-retention") == "true";
    if (weaker && (lock.mode == "COMPLIANCE" || !bypass)) throw problem("AccessDenied");
    lock.mode = mode;
    lock.until = until;
    return Answer::empty(200);
}

Answer legal_hold(const Call& call, Lock& lock) {
    if (call.method != "PUT") return xml("LegalHold", element("Status", lock.legal_hold ? "ON" : "OFF"));
    const auto status = first_element(call.body, "Status");
    if (status != "ON" && status != "OFF") throw problem("MalformedXML");
    lock.legal_hold = status == "ON";
    return Answer::empty(200);
}

int days_of(const std::string& body) {
    const auto text = first_element(body, "Days");
    int days = 0;
    std::from_chars(text.data(), text.data() + text.size(), days);
    if (days <= 0) throw problem("MalformedXML");
    return days;
}

}  // namespace

Lock lock_of(const Call& call, const Bucket& bucket) {
    const auto mode = call.header("x-amz-object-lock-mode");
    const auto until = call.header("x-amz-object-lock-retain-until-date");
    const auto hold = call.header("x-amz-object-lock-legal-hold");
    if ((mode || until || hold) && !bucket.lockable)
        throw Problem{400, "InvalidRequest", "Bucket is missing Object Lock Configuration"};
    if (mode.has_value() != until.has_value()) throw problem("InvalidArgument");
    Lock lock{.legal_hold = hold == "ON"};
    if (mode) {
        lock.mode = checked_mode(*mode);
        lock.until = checked_until(*until);
    } else if (!bucket.default_mode.empty()) {
        lock.mode = bucket.default_mode;
        lock.until = std::chrono::system_clock::now() + std::chrono::days(bucket.default_days);
    }
    return lock;
}

Answer lock_operation(const Call& call, Bucket& bucket, const std::string& key) {
    if (call.method != "GET" && call.method != "PUT") throw problem("MethodNotAllowed");
    if (!bucket.lockable) throw Problem{400, "InvalidRequest", "Bucket is missing Object Lock Configuration"};
    auto& lock = version_of(call, bucket, key).lock;
    if (call.parameter("legal-hold")) return legal_hold(call, lock);
    return call.method == "PUT" ? put_retention(call, lock) : show_retention(lock);
}

Answer bucket_lock_operation(const Call& call, Bucket& bucket) {
    if (!bucket.lockable)
        throw problem(call.method == "PUT" ? "InvalidBucketState" : "ObjectLockConfigurationNotFoundError");
    if (call.method == "PUT") {
        const auto mode = first_element(call.body, "Mode");
        bucket.default_mode = mode.empty() ? "" : checked_mode(mode);
        bucket.default_days = mode.empty() ? 0 : days_of(call.body);
        return Answer::empty(200);
    }
    auto content = element("ObjectLockEnabled", "Enabled");
    if (!bucket.default_mode.empty())
        content += "<Rule><DefaultRetention>" + element("Mode", bucket.default_mode) +
                   element("Days", std::to_string(bucket.default_days)) + "</DefaultRetention></Rule>";
    return xml("ObjectLockConfiguration", content);
}

}  // namespace kavi::lab::s3
