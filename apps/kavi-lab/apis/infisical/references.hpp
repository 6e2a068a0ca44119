#pragma once

#include "vault.hpp"

#include <string>
#include <vector>

namespace kavi::lab::infisical {

/// One folder that another one sees through an import, with what it sees.
struct Imported {
    struct Seen {
        const Secret* secret;
        const Folder* folder;     ///< where it lives
        std::string environment;  ///< of that folder
    };

    const Import* declared;
    const Folder* folder;
    std::vector<Seen> seen;  ///< the folder's own secrets by name, then those of its own imports
};

/// The imports of these folders in their order, deeper ones merged into the direct import that leads to them;
/// a folder that was met already isn't met again.
std::vector<Imported> imported(const Project& project, const std::vector<const Folder*>& importing);

/// The secret of that name seen through the folder's imports, the last import first; none: nothing.
const Imported::Seen* find_imported(const std::vector<Imported>& imports, std::string_view key);

/// How the present form of the server expands references.
class Expander {
  public:
    explicit Expander(const Project& project) : project_(project) {}

    /// A secret where it lives: a local reference is looked up in its folder (and, when `through_imports`, in
    /// what that imports); what is missing becomes nothing.
    std::string own(const Secret& secret, const Folder& folder, bool through_imports) const;
    /// A secret as `importing` sees it in a v4 list: local references are looked up there first and then
    /// where it lives; if one isn't found, the whole value stays as it is.
    std::string seen(const Imported::Seen& seen, const Folder& importing) const;
    /// The first reference in a text of `folder` whose secret isn't there.
    std::optional<std::string> first_missing(const std::string& text, const Folder& folder) const;

  private:
    struct Scope {
        std::vector<const Folder*> folders;  ///< where a local reference is looked up, in this order
        bool through_imports = false;        ///< then in what the first one imports
    };

    struct Found {
        std::string value;
        Scope scope;
        std::string identity;  ///< folder and key
    };

    std::string expand(const std::string& text,
                       const Scope& scope,
                       std::vector<std::string>& path,
                       bool& missing) const;
    std::string expand_one(const std::string& reference,
                           const Scope& scope,
                           std::vector<std::string>& path,
                           bool& missing) const;
    std::optional<Found> find(const std::vector<std::string>& parts, const Scope& scope) const;
    std::optional<Found> find_local(const std::string& key, const Scope& scope) const;

    const Project& project_;
};

}  // namespace kavi::lab::infisical
