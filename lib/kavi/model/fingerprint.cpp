#include <kavi/model/compose.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::model {

namespace {

using Kind = FingerprintInput::Kind;

class Inputs {
  public:
    Inputs(const ComposeProject& project, const ComposeService& service)
        : project_(project), service_(service) {}

    std::vector<FingerprintInput> collect() {
        auto subtree = service_.subtree;
        if (subtree.is_object()) subtree.erase("image");  // an input of its own
        add(Kind::text, "compose", canonical_json(subtree));
        add(Kind::text, "image", service_.image);
        for (const auto& name : service_.variables) add(Kind::variable, "variable " + name, name);
        for (const auto& file : service_.env_files) add(Kind::file, "env file " + file.path, file.path);
        for (const auto& grant : service_.secrets) add_source(project_.secrets, grant.source, "secret");
        for (const auto& grant : service_.configs) add_source(project_.configs, grant.source, "config");
        for (const auto& mount : service_.mounts) add_mount(mount);
        for (const auto& name : service_.networks) add_network(name);
        return std::move(inputs_);
    }

  private:
    void add(Kind kind, std::string name, std::string content) {
        FingerprintInput input{kind, std::move(name), std::move(content)};
        const auto key = input.digest_key();
        const auto same = [&](const FingerprintInput& other) { return other.digest_key() == key; };
        if (std::ranges::none_of(inputs_, same)) inputs_.push_back(std::move(input));
    }

    void add_source(const std::map<std::string, ComposeSource>& section,
                    const std::string& name,
                    std::string_view what) {
        const auto found = section.find(name);
        if (found == section.end()) return;
        const auto& source = found->second;
        if (source.kavi_secret)
            add(Kind::kavi_secret, "secret " + *source.kavi_secret, *source.kavi_secret);
        else if (!source.file.empty())
            add(Kind::file, fmt::format("{} {}", what, source.file), source.file);
        else  // a variable's value is an input by its name already
            add(Kind::text, fmt::format("{} {}", what, name), canonical_json(source.subtree));
    }

    void add_mount(const ComposeMount& mount) {
        if (mount.kind == ComposeMount::Kind::bind && mount.source.starts_with('.'))
            add(Kind::file, "file " + mount.source, mount.source);
        if (mount.kind != ComposeMount::Kind::volume) return;
        const auto found = project_.volumes.find(mount.source);
        if (found == project_.volumes.end()) return;
        add(Kind::text,
            "volume " + mount.source,
            canonical_json(Json::array({found->second.real_name, found->second.subtree})));
    }

    void add_network(const std::string& name) {
        const auto found = project_.networks.find(name);
        if (found == project_.networks.end()) return;
        add(Kind::text,
            "network " + name,
            canonical_json(Json::array({found->second.real_name, found->second.subtree})));
    }

    const ComposeProject& project_;
    const ComposeService& service_;
    std::vector<FingerprintInput> inputs_;
};

}  // namespace

std::string FingerprintInput::digest_key() const {
    switch (kind) {
        case Kind::text:
            return "text " + name;
        case Kind::variable:
            return "variable " + content;
        case Kind::kavi_secret:
            return "kavi_secret " + content;
        case Kind::file:
            return "file " + content;
    }
    return {};
}

std::vector<FingerprintInput> fingerprint_inputs(const ComposeProject& project, const std::string& service) {
    return Inputs(project, project.services.at(service)).collect();
}

}  // namespace kavi::model
