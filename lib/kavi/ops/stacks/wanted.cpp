#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/stacks/wanted.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

namespace kavi::ops {

namespace {

using Kind = model::FingerprintInput::Kind;

std::chrono::seconds default_timeout(const model::ComposeService& service) {
    using namespace std::chrono;
    const auto check = service.healthcheck.value_or(model::ComposeHealthcheck{});
    const auto tries = check.retries.value_or(3) + 1;
    const auto once = check.interval.value_or(30s) + check.timeout.value_or(30s);
    const auto needed = check.start_period.value_or(0s) + tries * once;
    return std::clamp(duration_cast<seconds>(needed), seconds(60), seconds(600));
}

class StackBuilder {
  public:
    explicit StackBuilder(const WantedRequest& request)
        : request_(request),
          stack_(request.loaded.estate.stacks.at(request.stack)),
          project_(request.loaded.stacks.at(request.stack)) {}

    std::shared_ptr<const WantedStack> build() {
        wanted_.name = stack_.name;
        wanted_.server = stack_.server;
        wanted_.project = stack_.project;
        wanted_.directory = stack_.directory;
        wanted_.secrets_folder = stack_secrets_folder(stack_);
        wanted_.compose_files = compose_names(stack_);
        wanted_.key_id = request_.key.id;
        collect_environment();
        check_variables();
        add_files();
        add_secrets();
        add_services();
        return std::make_shared<const WantedStack>(std::move(wanted_));
    }

  private:
    /// Everything that .env holds: the folder's secrets, over them the estate file's own.
    void collect_environment() {
        environment_ = request_.secrets.env;
        for (const auto& [name, value] : model::stack_variables(request_.loaded.estate, stack_))
            environment_.insert_or_assign(name, Secret(value));
        environment_.insert_or_assign("KAVI_SECRETS", Secret(wanted_.secrets_folder));
    }

    void check_variables() {
        std::set<std::string> known;
        for (const auto& [name, value] : environment_)
            if (!value.empty()) known.insert(name);
        for (const auto& use : model::missing_variables(project_, known)) {
            const bool is_empty = environment_.contains(use.name);
            if (use.required) throw missing_variable(use);
            if (!is_empty)
                wanted_.notes.push_back(
                    fmt::format("{}: the variable {} has no value", stack_.name, use.name));
        }
    }

    Error missing_variable(const model::VariableUse& use) const {
        const std::vector<std::string> services(use.services.begin(), use.services.end());
        Error error(errors::secret_missing,
                    fmt::format("the variable {} of stack {} has no value", use.name, stack_.name));
        if (!services.empty()) error.because(fmt::format("{} can't do without it", join(services, ", ")));
        if (!use.message.empty()) error.because(fmt::format("the compose file says: {}", use.message));
        if (stack_.env) error.fix(fmt::format("kavi secrets set {}/{}", stack_.env->folder, use.name));
        return error;
    }

    void add_files() {
        for (const auto& [path, file] : request_.files)
            if (path != ".env") wanted_.files.push_back({path, file.executable ? 0755U : 0644U, file.bytes});
        wanted_.files.push_back(
            {".env", 0600, model::write_secrets(model::SecretsForm::dotenv, environment_)});
    }

    void add_secrets() {
        for (const auto& [name, ref] : stack_.secrets) {
            const auto value = request_.secrets.files.find(name);
            if (value == request_.secrets.files.end())
                wanted_.all_secrets = false;
            else
                wanted_.secrets.push_back({name, 0444, value->second});
        }
    }

    void add_services() {
        const auto levels = model::start_levels(request_.loaded, stack_.name);
        for (std::size_t level = 0; level < levels.size(); ++level)
            for (const auto& name : levels[level]) {
                const auto& service = project_.services.at(name);
                if (service.profiles.empty())
                    wanted_.services.push_back(wanted_service(service, level));
                else
                    wanted_.in_profiles.insert(name);
            }
    }

    WantedService wanted_service(const model::ComposeService& service, std::size_t level) {
        WantedService wanted{.name = service.name, .image = interpolated(service.image), .level = level};
        for (const auto& [name, dependency] : service.depends_on)
            if (dependency.required) wanted.depends_on.insert(name);
        const auto settings = request_.loaded.estate.services.find(service.name);
        wanted.timeout = default_timeout(service);
        if (settings != request_.loaded.estate.services.end()) {
            wanted.on_failure = settings->second.on_failure;
            wanted.timeout = settings->second.health_timeout.value_or(wanted.timeout);
        }
        wanted.one_shot = service.restart == "no" && completes_for_another(service.name);
        for (const auto& input : model::fingerprint_inputs(project_, service.name))
            if (input.name != "image")  // compared as such
                wanted.inputs.emplace(input.digest_key(), wanted_input(input));
        return wanted;
    }

    bool completes_for_another(const std::string& name) const {
        return std::ranges::any_of(project_.services, [&](const auto& other) {
            const auto needed = other.second.depends_on.find(name);
            return needed != other.second.depends_on.end() &&
                   needed->second.condition == model::ComposeDependency::Condition::completed;
        });
    }

    std::string interpolated(const std::string& text) const {
        const auto lookup = [this](std::string_view name) {
            const auto found = environment_.find(std::string(name));
            if (found == environment_.end()) return model::Variable{};
            return model::Variable{model::Variable::State::known, std::string(found->second.reveal())};
        };
        return model::interpolate(text, lookup).value_or(text);
    }

    WantedInput wanted_input(const model::FingerprintInput& input) {
        switch (input.kind) {
            case Kind::variable:
                return variable_input(input);
            case Kind::kavi_secret:
                return secret_input(input);
            case Kind::file:
                return {input.name, digest(input, file_digest(input.content))};
            case Kind::text:
                break;
        }
        return {input.name, digest(input, input.content)};
    }

    WantedInput variable_input(const model::FingerprintInput& input) const {
        const bool from_folder = stack_.env && request_.secrets.env.contains(input.content) &&
                                 !stack_.vars.contains(input.content);
        const auto name = from_folder ? fmt::format("secret {}/{}",
                                                    stack_.env->folder == "/" ? "" : stack_.env->folder,
                                                    input.content)
                                      : input.name;
        const auto value = environment_.find(input.content);
        if (value == environment_.end()) return {name, digest(input, "absent")};
        return {name, digest_secret(input, value->second)};
    }

    WantedInput secret_input(const model::FingerprintInput& input) const {
        const auto ref = stack_.secrets.find(input.content);
        auto name = input.name;
        if (ref != stack_.secrets.end())
            name = fmt::format("secret {}{}/{}",
                               ref->second.source == model::SecretRef::Source::sealed ? "sealed:" : "",
                               ref->second.folder == "/" ? "" : ref->second.folder,
                               ref->second.name);
        const auto value = request_.secrets.files.find(input.content);
        if (value != request_.secrets.files.end()) return {name, digest_secret(input, value->second)};
        if (ref != stack_.secrets.end()) return {name, std::nullopt};
        return {name, digest(input, "absent")};
    }

    /// Names, modes and contents of what lies at that path and travels with the stack.
    std::string file_digest(const std::string& path) const {
        const auto wanted = std::filesystem::path(path).lexically_normal().generic_string();
        const auto folder = wanted == "." || wanted == "./" ? std::string()
                            : wanted.ends_with('/')         ? wanted
                                                            : wanted + "/";
        std::string listing;
        for (const auto& [name, file] : request_.files)
            if (name == wanted || name.starts_with(folder))
                listing += fmt::format(
                    "{} {} {}\n", name, file.executable ? "0755" : "0644", hex(sha256(file.bytes)));
        return listing;
    }

    std::string digest(const model::FingerprintInput& input, std::string_view content) const {
        return request_.key.fingerprint(fmt::format("{}\n{}", input.digest_key(), content));
    }

    std::string digest_secret(const model::FingerprintInput& input, const Secret& value) const {
        auto text = input.digest_key() + "\nvalue ";
        text.reserve(text.size() + value.size());
        text += value.reveal();
        auto result = request_.key.fingerprint(text);
        wipe(text);
        return result;
    }

    const WantedRequest& request_;
    const model::Stack& stack_;
    const model::ComposeProject& project_;
    model::NamedSecrets environment_;
    WantedStack wanted_;
};

}  // namespace

StackSecrets stack_secrets(const secrets::SecretVault& vault, const model::Stack& stack) {
    StackSecrets values;
    if (stack.env) values.env = vault.folder(stack.env->folder);
    for (const auto& [name, ref] : stack.secrets) {
        if (ref.source == model::SecretRef::Source::sealed && !vault.sealed_opened()) continue;
        values.files.emplace(name, vault.get(ref));
    }
    return values;
}

std::string stack_secrets_folder(const model::Stack& stack) {
    return "/var/lib/kavi/secrets/" + stack.name;
}

std::shared_ptr<const WantedStack> wanted_stack(const WantedRequest& request) {
    return StackBuilder(request).build();
}

}  // namespace kavi::ops
