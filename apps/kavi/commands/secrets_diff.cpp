#include "../estate_context.hpp"
#include "../network.hpp"
#include "../secrets_access.hpp"
#include "commands.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <memory>
#include <set>

namespace kavi::app {

namespace {

struct DiffOptions {
    std::optional<std::string> other;
    std::optional<std::string> file;
    std::string path = "/";
    bool recursive = false;
};

/// Names and fingerprints of two sides, never a value.
class Comparison {
  public:
    Comparison(std::string left, std::string right, std::optional<secrets::PurposeKey> key)
        : left_(std::move(left)), right_(std::move(right)), key_(std::move(key)) {}

    void folder(const std::string& folder,
                const model::NamedSecrets& left,
                const model::NamedSecrets& right) {
        std::set<std::string> names;
        for (const auto* side : {&left, &right})
            for (const auto& [name, value] : *side) names.insert(name);
        for (const auto& name : names) {
            const auto a = left.find(name), b = right.find(name);
            add(folder + name,
                a == left.end() ? nullptr : &a->second,
                b == right.end() ? nullptr : &b->second);
        }
    }

    Result result() {
        const auto differing = rows_.size();
        text_ += differing == 0 ? fmt::format("{} and {} are the same: {} secrets\n", left_, right_, same_)
                                : fmt::format("{} differ, {} are the same\n", differing, same_);
        return {.exit = differing == 0 ? Exit::ok : Exit::changes,
                .text = text_,
                .data = {{"left", left_}, {"right", right_}, {"same", same_}, {"differing", rows_}}};
    }

  private:
    std::string mark(const Secret* value) const {
        if (!value) return "-";
        return key_ ? key_->fingerprint(value->reveal()).substr(0, 12) : "(set)";
    }

    void add(const std::string& name, const Secret* left, const Secret* right) {
        if (left && right && *left == *right) {
            ++same_;
            return;
        }
        const auto* sign = !left ? ">" : !right ? "<" : "~";
        text_ += fmt::format("  {} {:<48} {:<12} {:<12}\n", sign, name, mark(left), mark(right));
        rows_.push_back({{"name", name}, {"left", mark(left)}, {"right", mark(right)}});
    }

    std::string left_, right_;
    std::optional<secrets::PurposeKey> key_;
    std::string text_;
    std::size_t same_ = 0;
    OrderedJson rows_ = OrderedJson::array();
};

secrets::FolderSecrets read_side(secrets::InfisicalSource& source,
                                 const DiffOptions& options,
                                 std::stop_token stop) {
    const auto path = api::normal_folder(options.path);
    if (options.recursive) return source.tree(path, std::move(stop));
    return source.folders(std::vector<std::string>{path}, std::move(stop));
}

std::optional<secrets::PurposeKey> key_of(secrets::InfisicalSource& source, std::stop_token stop) {
    const auto& mirror = secrets::mirrored_fingerprint_key;
    const auto folders = source.folders(std::vector<std::string>{mirror.folder}, std::move(stop));
    const auto folder = folders.find(mirror.folder);
    if (folder == folders.end() || !folder->second.contains(mirror.name)) return std::nullopt;
    return secrets::derive_purpose_key(folder->second.at(mirror.name), "secrets");
}

void compare_folders(Comparison& comparison,
                     const secrets::FolderSecrets& left,
                     const secrets::FolderSecrets& right) {
    static const model::NamedSecrets none;
    std::set<std::string> names;
    for (const auto* side : {&left, &right})
        for (const auto& [name, secrets] : *side) names.insert(name);
    for (const auto& name : names) {
        const auto a = left.find(name), b = right.find(name);
        comparison.folder(name == "/" ? "/" : name + "/",
                          a == left.end() ? none : a->second,
                          b == right.end() ? none : b->second);
    }
}

Result diff(const DiffOptions& options, Session& session) {
    if (options.other.has_value() == options.file.has_value())
        throw Error(errors::usage, "there must be one thing to compare with")
            .fix("name an environment, or a file with --file");
    const auto context = load_estate_context(session);
    Network network(session);
    SecretsAccess access(session, context.loaded, network.http());
    access.infisical();  // says what is missing
    auto& source = *access.source();
    const auto left = read_side(source, options, session.stop);
    const auto right_name = options.file ? *options.file : *options.other;
    Comparison comparison(access.environment(), right_name, key_of(source, session.stop));
    if (options.file) {
        auto text = read_file(*options.file);
        secrets::FolderSecrets right{
            {api::normal_folder(options.path), model::read_dotenv(text, *options.file)}};
        wipe(text);
        compare_folders(comparison, left, right);
    } else {
        secrets::InfisicalSource other(
            access.infisical(),
            {.project = context.loaded.estate.secrets.project, .environment = *options.other});
        compare_folders(comparison, left, read_side(other, options, session.stop));
    }
    return comparison.result();
}

}  // namespace

Run define_secrets_diff(Arguments& arguments) {
    auto options = std::make_shared<DiffOptions>();
    arguments.positional("ENVIRONMENT", options->other, "compare with this environment of the project");
    arguments.option("--file", "FILE", options->file, "compare with this dotenv file").completes(Names::file);
    arguments.option("--path", "FOLDER", options->path, "the folder").otherwise("/");
    arguments.flag("--recursive", options->recursive, "the folders below too");
    return [options](Session& session) { return diff(*options, session); };
}

}  // namespace kavi::app
