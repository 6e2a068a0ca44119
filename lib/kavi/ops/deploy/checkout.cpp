#include <kavi/base/error_codes.hpp>
#include <kavi/base/process.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/deploy/checkout.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {

namespace {

Finished git(const std::filesystem::path& folder, std::vector<std::string> words, std::stop_token stop) {
    words.insert(words.begin(), {"git", "-C", folder.string()});
    return run_command({.arguments = std::move(words), .input = {}, .folder = {}, .timeout = std::chrono::seconds(20)}, std::move(stop));
}

bool is_commit(const std::string& text) {
    return (text.size() == 40 || text.size() == 64) &&
           std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

Checkout look_at_checkout(const std::filesystem::path& folder, std::stop_token stop) {
    Checkout checkout;
    const auto head = git(folder, {"rev-parse", "--verify", "-q", "HEAD"}, stop);
    const auto commit = std::string(trim(head.output));
    if (head.status != 0 || !is_commit(commit)) return checkout;
    checkout.commit = commit;
    // Only the estate's own folder counts: whatever else the repository holds isn't deployed.
    checkout.dirty = git(folder, {"diff", "--quiet", "HEAD", "--", "."}, stop).status == 1;
    return checkout;
}

Descent compare_checkout(const std::filesystem::path& folder, const std::string& deployed, std::stop_token stop) {
    if (!is_commit(deployed)) return Descent::unknown;
    const auto status = git(folder, {"merge-base", "--is-ancestor", deployed, "HEAD"}, std::move(stop)).status;
    if (status == 0) return Descent::same_or_newer;
    return status == 1 ? Descent::older : Descent::unknown;
}

void require_not_stale(const std::filesystem::path& folder,
                       const Checkout& checkout,
                       const std::string& deployed,
                       const std::string& what,
                       std::stop_token stop) {
    if (!checkout.commit || deployed.empty() || checkout.commit == deployed) return;
    const auto descent = compare_checkout(folder, deployed, std::move(stop));
    if (descent == Descent::same_or_newer) return;
    Error error(errors::checkout_stale,
                fmt::format("this checkout ({}) is older than what {} runs ({})", checkout.short_commit(), what, deployed.substr(0, 7)));
    error.because(descent == Descent::older ? "the deployed commit isn't among its ancestors" : "this repository doesn't have the deployed commit");
    throw error.fix("git pull, then run the command again; --older deploys this checkout all the same");
}

}  // namespace kavi::ops
