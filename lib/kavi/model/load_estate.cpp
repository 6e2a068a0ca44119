#include "estate_check.hpp"
#include "estate_types.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/model/placed.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::model {

namespace {

std::optional<std::string> read_from_disk(const std::filesystem::path& path) {
    std::error_code ignored;
    if (std::filesystem::is_directory(path, ignored)) return std::nullopt;
    return read_file_if_there(path);
}

/// What kavi hands in is known, KAVI_SECRETS and what the folder of secrets may hold will be; all else isn't
/// there.
VariableLookup lookup_of(const Estate& estate, const Stack& stack) {
    return [known = stack_variables(estate, stack), has_env = stack.env.has_value()](std::string_view name) {
        if (const auto found = known.find(std::string(name)); found != known.end())
            return Variable{Variable::State::known, found->second};
        const bool later = name == "KAVI_SECRETS" || (has_env && !name.starts_with("KAVI_"));
        return Variable{later ? Variable::State::later : Variable::State::absent, ""};
    };
}

class Loader {
  public:
    Loader(const std::filesystem::path& file, const FileReader& read, const std::filesystem::path& seen_from)
        : read_(read), seen_from_(seen_from) {
        loaded_.file = file.lexically_normal();
    }

    LoadedEstate load() {
        auto text = read_(loaded_.file);
        if (!text) {
            Error error(errors::config_missing,
                        fmt::format("there is no estate file {}", loaded_.file.string()));
            throw error.fix("name another with -c FILE, or write one with kavi init");
        }
        const auto index = problems_.add_source(name_of(loaded_.file), std::move(*text));
        auto read = read_estate(index, problems_);
        loaded_.estate = std::move(read.estate);
        loaded_.origins = std::move(read.origins);
        loaded_.estate.folder = loaded_.file.parent_path().string();
        for (const auto& [name, stack] : loaded_.estate.stacks) load_stack(stack);
        if (!loaded_.estate.name.empty()) {  // else it wasn't TOML: more would only be noise
            check_stacks(loaded_, read.services, problems_);
            check_coverage(loaded_, read_, problems_);
        }
        loaded_.problems = problems_.sorted();
        return std::move(loaded_);
    }

  private:
    /// What an editor started in that folder opens; a path far away is better absolute.
    std::string name_of(const std::filesystem::path& path) const {
        const auto relative =
            path.lexically_relative(seen_from_.empty() ? loaded_.file.parent_path() : seen_from_);
        const auto text = relative.string();
        return relative.empty() || text.starts_with("../../../") ? path.string() : text;
    }

    void load_stack(const Stack& stack) {
        std::vector<ComposeText> texts;
        for (std::size_t i = 0; i < stack.compose.size(); ++i) {
            const auto path = (loaded_.file.parent_path() / stack.compose[i]).lexically_normal();
            if (auto text = read_(path))
                texts.push_back({name_of(path), std::move(*text)});
            else
                missing(stack, i);
        }
        if (texts.size() == stack.compose.size() && !texts.empty())
            loaded_.stacks.emplace(
                stack.name, read_compose(stack.project, texts, lookup_of(loaded_.estate, stack), problems_));
    }

    void missing(const Stack& stack, std::size_t index) {
        const auto list = path_of("stacks", stack.name) + ".compose";
        const auto item = fmt::format("{}[{}]", list, index);
        problems_.error(value_at(loaded_.origins, loaded_.origins.contains(item) ? item : list),
                        fmt::format("there is no file \"{}\"", stack.compose[index]),
                        "it is looked for in the estate file's folder");
    }

    const FileReader& read_;
    const std::filesystem::path& seen_from_;
    LoadedEstate loaded_;
    Problems problems_;
};

}  // namespace

bool LoadedEstate::valid() const {
    return std::ranges::none_of(
        problems, [](const Problem& problem) { return problem.severity == Problem::Severity::error; });
}

LoadedEstate load_estate(const std::filesystem::path& file, const std::filesystem::path& seen_from) {
    return load_estate(file, read_from_disk, seen_from);
}

LoadedEstate load_estate(const std::filesystem::path& file,
                         const FileReader& read,
                         const std::filesystem::path& seen_from) {
    return Loader(std::filesystem::absolute(file), read, seen_from).load();
}

void require_valid(const LoadedEstate& loaded) {
    std::vector<Problem> problems;
    std::ranges::copy_if(loaded.problems, std::back_inserter(problems), [](const Problem& problem) {
        return problem.severity == Problem::Severity::error;
    });
    if (problems.empty()) return;
    Error error(errors::config_invalid,
                problems.size() == 1
                    ? fmt::format("{} has a problem", loaded.file.string())
                    : fmt::format("{} has {} problems", loaded.file.string(), problems.size()));
    for (const auto& problem : problems) error.because(render_problem(problem));
    throw error.fix("mend them and run kavi config check");
}

}  // namespace kavi::model
