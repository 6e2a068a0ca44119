#include "estate_check.hpp"
#include "estate_table.hpp"

#include <kavi/model/estate_file.hpp>

namespace kavi::model {

EstateFile read_estate(int file, Problems& problems) {
    EstateFile result;
    const auto before = problems.count();
    const auto tree = read_toml(file, problems);
    if (problems.count() != before) return result;  // what isn't TOML would look like missing keys
    Reading reading{.problems = problems};
    const Position start{.file = file};
    estate_type().read({tree, "", start}, result.estate, reading);
    result.origins = std::move(reading.origins);
    check_names(result.estate, reading.names, problems);
    check_secrets_said(result.origins, reading.names, problems);
    check_estate(result.estate, result.origins, reading.flawed, problems);
    for (auto& use : reading.names)
        if (use.kind == NameUse::Kind::service) result.services.push_back(std::move(use));
    return result;
}

}  // namespace kavi::model
