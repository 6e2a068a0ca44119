#include "verify_on_server.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

namespace kavi::app {

namespace {

/// Tells with --verbose what the agent is at.
class Detail final : public run::Listener {
  public:
    explicit Detail(Output& output) : output_(output) {}

    void progress(const plan::Action& action, std::string_view doing) override {
        output_.detail(fmt::format("  {}: {}", action.subject, doing));
    }

  private:
    Output& output_;
};

/// An item's artefacts, and what each would be restored to.
std::vector<ops::RestorePart> parts_of(const model::LoadedEstate& loaded,
                                       const ops::Catalog& catalog,
                                       const ops::Chosen& chosen,
                                       std::chrono::sys_seconds now) {
    const auto actions = ops::plan_restore({.loaded = loaded,
                                            .catalog = catalog,
                                            .server = catalog.server,
                                            .wishes = {{.item = chosen.artefacts.front().item}},
                                            .run = chosen.run->run,
                                            .now = now,
                                            .fresh = true});
    std::vector<ops::RestorePart> parts;
    for (const auto& action : actions)
        if (const auto* step = dynamic_cast<const ops::RestoreStep*>(action.payload.get()))
            parts.push_back(step->part);
    return parts;
}

void add_findings(const ops::Chosen& chosen,
                  const std::vector<ops::RestorePart>& parts,
                  const ops::AgentAnswer& answer,
                  std::vector<ops::VerifyFinding>& findings) {
    for (const auto& part : parts) {
        const auto& file = part.artefact.file;
        const auto found = answer.find(file);
        if (found == answer.end()) {
            findings.push_back({chosen.run->run,
                                part.artefact.item,
                                file,
                                fmt::format("the server says nothing of {}", file)});
        } else if (const auto& why = member_or_null(found->second, "failure"); why.is_object()) {
            const auto error = host::error_of(why);
            findings.push_back({chosen.run->run, part.artefact.item, file, error.message(), error.causes()});
        }
    }
}

}  // namespace

std::vector<ops::VerifyFinding> verify_on_server(RestoreAccess& access,
                                                 const model::LoadedEstate& loaded,
                                                 const ops::Catalog& catalog,
                                                 const std::vector<ops::Chosen>& chosen,
                                                 int level,
                                                 Session& session) {
    Detail detail(session.output);
    const auto tools = access.tools(detail);
    const auto now = std::chrono::floor<std::chrono::seconds>(session.clock.now());
    const auto on_event = [&](const Json& event) {
        session.output.detail(fmt::format(
            "  {}: {}", printable(string_or(event, "subject")), printable(string_or(event, "text"))));
    };
    std::vector<ops::VerifyFinding> findings;
    for (const auto& one : chosen) {
        const auto parts = parts_of(loaded, catalog, one, now);
        if (parts.empty()) continue;
        const ops::AgentQuestion question{.server = catalog.server,
                                          .owner = catalog.server,
                                          .store = catalog.store,
                                          .parts = parts,
                                          .level = level};
        add_findings(one, parts, ops::ask_agent(tools, question, on_event, session.stop), findings);
    }
    return findings;
}

}  // namespace kavi::app
