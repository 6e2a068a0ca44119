#include "recover_check.hpp"

#include "../backup_access.hpp"
#include "../estate_session.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/recover/estate_copy.hpp>
#include <kavi/ops/recover/plan.hpp>
#include <kavi/ops/restore/plan.hpp>
#include <kavi/ops/servers/plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <functional>

namespace kavi::app {

namespace {

enum class Standing { ok, aged, missing };

/// One thing that a recovery needs.
struct Need {
    std::string what;
    Standing standing = Standing::ok;
    std::string detail, fix;
};

std::string_view word_of(Standing standing) {
    switch (standing) {
        case Standing::ok: return "ok";
        case Standing::aged: return "degraded";
        case Standing::missing: return "missing";
    }
    return "";
}

/// Asks one thing after the other; what fails is an answer too.
class RecoveryCheck {
  public:
    RecoveryCheck(Session& session, std::string server)
        : session_(session),
          server_(std::move(server)),
          estate_(session, "kavi recover --check", {}, {}),
          backups_(session, estate_) {}

    Result run() {
        ask("identity", [this] { return identity(); });
        ask("sealed copy", [this] { return sealed_copy(); });
        ask("Hetzner", [this] { return hetzner(); });
        if (!estate_.estate().zones.empty()) ask("Cloudflare", [this] { return cloudflare(); });
        for (const auto& store : backups_.stores()) ask_store(store);
        return result();
    }

  private:
    void ask(const std::string& what, const std::function<Need()>& question) {
        try {
            auto need = question();
            need.what = what;
            needs_.push_back(std::move(need));
        } catch (const Error& error) {
            if (error.code() == errors::interrupted) throw;
            needs_.push_back({what, Standing::missing, error.message(), error.advice()});
        }
    }

    Need identity() {
        const auto count = estate_.access().identities().size();
        if (count > 0) return {.detail = count == 1 ? "one is at hand" : fmt::format("{} are at hand", count)};
        return {.standing = Standing::missing,
                .detail = "nothing here opens sealed copies and backups",
                .fix = "set KAVI_IDENTITY to the file of your age identity"};
    }

    Need sealed_copy() {
        const auto copies = estate_.access().read_copies(true);
        if (!copies.best)
            return {.standing = Standing::missing, .detail = "no copy can be opened", .fix = "kavi secrets seal"};
        const auto places = estate_.estate().secrets.sealed.size();
        Need need{.detail = fmt::format("{}, in {} of {} places", copies.best->bundle.description(), copies.up_to_date.size(), places)};
        if (copies.up_to_date.size() < places) {
            need.standing = Standing::aged;
            need.fix = copies.unreachable.empty() ? "kavi secrets seal" : "out of reach: " + join(copies.unreachable, ", ");
        }
        return need;
    }

    Need hetzner() {
        const std::vector<std::string> names{server_};
        auto seen = ops::observe_hetzner(estate_.estate(), names, estate_.hetzner(), session_.stop);
        ops::observe_offers(estate_.estate(), names, seen, estate_.hetzner(), session_.stop);
        const auto lost = ops::without_server({.hetzner = std::move(seen)}, server_);
        const auto user_data = std::map<std::string, std::string>{{server_, ""}};
        ops::plan_servers({.estate = estate_.estate(), .names = names, .seen = lost.hetzner, .managed = {}, .user_data = user_data});
        return {.detail = fmt::format("the token is good; {} can be had in {}",
                                      estate_.estate().servers.at(server_).types.front(),
                                      estate_.estate().servers.at(server_).location)};
    }

    Need cloudflare() {
        const auto seen = ops::observe_dns(estate_.cloudflare(), ops::zone_questions(estate_.estate(), {}), session_.stop);
        return {.detail = "the token is good"};
    }

    void ask_store(const std::string& name) {
        ops::Catalog catalog;
        ask("store " + name, [&]() -> Need {
            catalog = backups_.catalog(name, server_);
            if (!catalog.refused.empty() && catalog.runs.empty()) throw catalog.refused.front().why;
            if (catalog.runs.empty())
                return {.standing = Standing::missing, .detail = "holds no backup of " + server_, .fix = "kavi backup"};
            return {.detail = fmt::format("{} runs", catalog.runs.size())};
        });
        if (needs_.back().standing == Standing::missing) return;
        const auto elsewhere = ops::items_elsewhere(estate_.loaded(), server_);
        for (const auto& place : ops::item_places(estate_.loaded(), server_))
            if (std::ranges::find(elsewhere, place.item) == elsewhere.end())
                ask(place.item, [&] { return item(catalog, place.item); });
        ask("the estate's files", [&] { return estate_files(name); });
    }

    Need item(const ops::Catalog& catalog, const std::string& name) {
        const auto chosen = ops::choose(catalog, name);
        const auto age = backups_.now() - chosen.run->time;
        Need need{.detail = fmt::format("{} old, {} files", ops::age_text(age), chosen.artefacts.size())};
        if (age > estate_.estate().backup.rpo) {
            need.standing = Standing::aged;
            need.fix = "kavi backup " + name;
        }
        return need;
    }

    Need estate_files(const std::string& store) {
        const auto catalog = backups_.catalog(store, std::string(ops::estate_copy_server), 1);
        const auto archive = ops::archive_estate(estate_.estate(), session_.stop);
        if (ops::estate_copy_is_current(catalog, {estate_.estate(), archive, {}, {}, {}})) return {.detail = "as they are here"};
        if (catalog.runs.empty())
            return {.standing = Standing::missing, .detail = "aren't there", .fix = "kavi backup"};
        return {.standing = Standing::aged, .detail = "differ from those here", .fix = "kavi backup"};
    }

    Result result() const {
        Result result;
        result.data["needs"] = OrderedJson::array();
        bool missing = false;
        std::string lines;
        for (const auto& need : needs_) {
            missing = missing || need.standing == Standing::missing;
            lines += fmt::format("  {:<9} {:<20} {}\n", word_of(need.standing), need.what, need.detail);
            if (!need.fix.empty()) lines += fmt::format("  {:<9} {:<20} → {}\n", "", "", need.fix);
            result.data["needs"].push_back(
                {{"what", need.what}, {"standing", word_of(need.standing)}, {"detail", need.detail}, {"fix", need.fix}});
        }
        result.data["ready"] = !missing;
        result.exit = missing ? Exit::unhealthy : Exit::ok;
        result.text = fmt::format("{} could {}be recovered now\n{}", server_, missing ? "not " : "", lines);
        return result;
    }

    Session& session_;
    std::string server_;
    EstateSession estate_;
    BackupAccess backups_;
    std::vector<Need> needs_;
};

}  // namespace

Result check_recovery(Session& session, const std::string& server) {
    return RecoveryCheck(session, server).run();
}

}  // namespace kavi::app
