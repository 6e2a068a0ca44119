#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::lab::hetzner {

/// Why a label isn't allowed; nullopt: it is. Source: the Cloud API's document, section Labels.
std::optional<std::string> label_problem(std::string_view key, std::string_view value);

/// A label selector: "k", "!k", "k=v", "k==v", "k!=v", "k in (a,b)", "k notin (a,b)", joined by commas.
class LabelSelector {
  public:
    /// Throws a Problem (invalid_input) where the text is none.
    explicit LabelSelector(std::string_view text);
    bool matches(const std::map<std::string, std::string>& labels) const;

  private:
    struct Term {
        std::string key;
        bool negated = false;
        std::optional<std::vector<std::string>> values;  ///< nullopt: the key alone counts
    };

    static Term parse_term(std::string_view text);
    std::vector<Term> terms_;
};

}  // namespace kavi::lab::hetzner
