#include "lab_secrets.hpp"

#include "lab/tools.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace kavi::lab {

std::string LabSecrets::value_for(const std::string& name) {
    if (const auto found = given_.find(name); found != given_.end()) return found->second;
    if (name.ends_with("DB_CONNECTION_URI"))
        return fmt::format("postgresql://infisical:{}@postgres:5432/infisical", random_letters(28));
    if (name.ends_with("REDIS_URL")) return fmt::format("redis://default:{}@redis:6379", random_letters(28));
    if (name.ends_with("ENCRYPTION_KEY")) return hex(random_bytes(16));
    if (name.starts_with("IMGPROXY_")) return hex(random_bytes(32));
    if (name == "OBSIDIAN_USERS") return fmt::format("notes:{{SHA}}{}", base64(random_bytes(20)));
    if (name == "SMTP_HOST") return "smtp.lab.invalid";
    if (name == "SMTP_PORT") return "587";
    if (name == "SMTP_FROM_ADDRESS") return "infisical@lab.invalid";
    return random_letters(32);
}

void LabSecrets::add(const std::string& environment, const std::string& folder, const std::string& name) {
    const auto same = [&](const SecretSeed& one) { return one.path == folder && one.key == name; };
    if (std::ranges::any_of(in_infisical_, same)) return;
    in_infisical_.push_back(
        {.environment = environment, .path = folder, .key = name, .value = value_for(name)});
}

LabSecrets::LabSecrets(const EstateNames& names, std::map<std::string, std::string> given)
    : given_(std::move(given)) {
    std::set<std::string> folders;
    for (const auto& stack : names.stacks) {
        if (!stack.env.starts_with("secret:")) continue;
        folders.insert(stack.env);
        const std::set<std::string> vars(stack.vars.begin(), stack.vars.end());
        for (const auto& file : stack.compose)
            for (const auto& name : read_compose_names(names.file.parent_path() / file).variables)
                if (!name.starts_with("KAVI_") && !name.starts_with("COMPOSE_") && !vars.contains(name))
                    add(names.environment, stack.env.substr(7), name);
    }
    for (const auto& reference : names.references) {
        if (folders.contains(reference)) continue;
        const auto path = reference.substr(7);
        const auto slash = path.rfind('/');
        const auto name = path.substr(slash + 1);
        if (reference.starts_with("sealed:"))
            sealed_[name] = value_for(name);
        else
            add(names.environment, slash == 0 ? "/" : path.substr(0, slash), name);
    }
}

}  // namespace kavi::lab
