#pragma once

#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>

namespace kavi::ops {

/// The git state of the folder that holds the estate file.
struct Checkout {
    std::optional<std::string> commit;  ///< full; nullopt: no repository, or no git
    bool dirty = false;                 ///< tracked files differ from the commit

    std::string short_commit() const { return commit ? commit->substr(0, 7) : ""; }
};

Checkout look_at_checkout(const std::filesystem::path& folder, std::stop_token stop);

/// How the checkout stands to the commit that was deployed last.
enum class Descent {
    same_or_newer,
    older,    ///< the deployed commit isn't among the checkout's ancestors
    unknown,  ///< this repository doesn't have that commit
};

Descent compare_checkout(const std::filesystem::path& folder, const std::string& deployed, std::stop_token stop);

/// Throws errors::checkout_stale unless the checkout descends from what was deployed; `what` names where that was
/// ("bruno").
void require_not_stale(const std::filesystem::path& folder,
                       const Checkout& checkout,
                       const std::string& deployed,
                       const std::string& what,
                       std::stop_token stop);

}  // namespace kavi::ops
