#include "estate_copy.hpp"

#include "lab/tools.hpp"
#include "machines/storage_box.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

namespace kavi::lab {
namespace {

namespace fs = std::filesystem;

/// Makes an age identity; gives its recipient.
std::string make_age_identity(const fs::path& file) {
    if (!fs::exists(file)) run_tool({"age-keygen", "-o", file.string()});
    fs::permissions(file, fs::perms(0600));
    return std::string(trim(run_tool({"age-keygen", "-y", file.string()})));
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    for (auto at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
        text.replace(at, from.size(), to);
    return text;
}

void copy_tree(const fs::path& from, const fs::path& to) {
    for (const auto& entry : fs::directory_iterator(from)) {
        if (entry.path().filename() == ".git") continue;
        fs::copy(entry.path(),
                 to / entry.path().filename(),
                 fs::copy_options::recursive | fs::copy_options::copy_symlinks);
    }
}

}  // namespace

LabKeys LabKeys::make(const fs::path& folder, const EstateNames& names) {
    LabKeys keys{.folder = folder};
    fs::create_directories(folder);
    for (const auto& one : names.operators) {
        if (!one.ssh.empty()) {
            const auto file = folder / (keys.ssh_key.empty() ? "id_ed25519" : one.name + "_ed25519");
            keys.operator_ssh[one.name] = make_ssh_key(file, one.name + "@lab");
            if (keys.ssh_key.empty()) keys.ssh_key = file;
        }
        if (!one.age.empty()) {
            const auto file = folder / (keys.age_identity.empty() ? "age.txt" : one.name + "-age.txt");
            keys.operator_age[one.name] = make_age_identity(file);
            if (keys.age_identity.empty()) keys.age_identity = file;
        }
    }
    return keys;
}

void copy_estate(const fs::path& file,
                 const fs::path& target,
                 const std::map<std::string, std::string>& replacements) {
    fs::remove_all(target);
    fs::create_directories(target);
    copy_tree(fs::absolute(file).parent_path(), target);
    auto text = read_file(file);
    for (const auto& [from, to] : replacements)
        if (!from.empty()) text = replaced(std::move(text), from, to);
    write_file_atomic(target / file.filename(), text, 0644);
    const auto git = [&](std::vector<std::string> words) {
        words.insert(words.begin(),
                     {"git",
                      "-C",
                      target.string(),
                      "-c",
                      "user.name=kavi lab",
                      "-c",
                      "user.email=lab@kavi.invalid",
                      "-c",
                      "commit.gpgsign=false",
                      "-c",
                      "core.hooksPath=/dev/null"});
        run_tool(std::move(words));
    };
    git({"init", "--quiet", "--initial-branch=main"});
    git({"add", "--all", "--force"});
    git({"commit", "--quiet", "--message", "The estate"});
}

}  // namespace kavi::lab
