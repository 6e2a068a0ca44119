#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/dns/verify.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <unordered_set>

namespace kavi::ops {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_pause{500}, longest_pause{5000};
constexpr std::size_t most_asked = 200;  // of a change of thousands of records, a sample is asked about

/// What a server is to answer about one changed record.
struct Question {
    const DnsChange* change = nullptr;
    std::string server, name, type;
};

bool is_asked_about(const DnsChange& change) {
    if (change.kind == DnsChange::Kind::setting) return false;
    const auto& record = change.kind == DnsChange::Kind::remove ? change.before->record : change.after;
    // Wildcards are no names, and HTTPS records of proxied names are made up by the edge.
    return !record.name.starts_with('*') && record.type != "HTTPS" && record.type != "SVCB";
}

std::vector<const DnsChange*> changes_of(const plan::Plan& plan, std::span<const std::string> done) {
    const std::unordered_set<std::string_view> ids(done.begin(), done.end());
    std::vector<const DnsChange*> changes;
    for (const auto& action : plan.actions) {
        const auto* change = dynamic_cast<const DnsChange*>(action.payload.get());
        if (change && ids.contains(action.id) && is_asked_about(*change)) changes.push_back(change);
    }
    if (changes.size() <= most_asked) return changes;
    std::vector<const DnsChange*> sample;
    for (std::size_t i = 0; i < most_asked; ++i) sample.push_back(changes[i * changes.size() / most_asked]);
    return sample;
}

bool has_value(const std::vector<std::string>& answers, const model::Record& record) {
    return std::ranges::any_of(answers, [&](const std::string& answer) {
        const auto value = model::normal_value(record.type, answer);
        return value && *value == record.value;
    });
}

/// Why the answer isn't what was planned; empty: it is.
std::string problem_with(const DnsChange& change, const std::vector<std::string>& answers) {
    if (change.kind == DnsChange::Kind::remove) {
        const auto& gone = change.before->record;
        return !gone.proxied && has_value(answers, gone)
                   ? "still says " + model::shown_value(gone.type, gone.value)
                   : "";
    }
    const auto& record = change.after;
    if (record.proxied) return answers.empty() ? "doesn't know it yet" : "";
    if (!change.reference.empty()) return answers.empty() ? "doesn't know it yet" : "";
    if (has_value(answers, record)) return "";
    return answers.empty() ? "doesn't know it yet" : "still says " + printable(join(answers, ", "));
}

class Verification {
  public:
    Verification(const plan::Plan& plan,
                 std::span<const std::string> done,
                 const DnsObservation& seen,
                 const VerifyDns& with)
        : changes_(changes_of(plan, done)), with_(with) {
        for (const auto* change : changes_) add(*change, seen);
    }

    std::vector<NameProblem> run(std::stop_token stop) {
        wait_for_servers(stop);
        for (const auto* change : changes_)
            if (change->kind != DnsChange::Kind::remove && change->after.proxied)
                reach(change->after.name, stop);
        return std::move(problems_);
    }

  private:
    void add(const DnsChange& change, const DnsObservation& seen) {
        const auto zone = seen.find(change.zone);
        if (zone == seen.end()) return;
        const auto& record = change.kind == DnsChange::Kind::remove ? change.before->record : change.after;
        // A proxied alias is answered as an address of the edge.
        const auto type = record.proxied && record.type == "CNAME" ? std::string("A") : record.type;
        for (const auto& server : zone->second.zone.name_servers)
            open_.push_back({&change, server, record.name, type});
    }

    void wait_for_servers(std::stop_token stop) {
        const auto end = with_.clock.steady() + with_.deadline;
        for (milliseconds pause = first_pause; !open_.empty(); pause = std::min(pause * 2, longest_pause)) {
            ask_all(stop);
            if (open_.empty() || stop.stop_requested() || with_.clock.steady() + pause > end) break;
            with_.clock.sleep_for(pause, stop);
        }
        for (const auto& [question, why] : why_) problems_.push_back(why);
    }

    void ask_all(std::stop_token stop) {
        why_.clear();
        std::erase_if(open_, [&](const Question& question) {
            if (stop.stop_requested()) return false;
            const auto what = fmt::format("{} {}", question.type, question.name);
            const auto answers = with_.answers.ask(question.server, question.name, question.type, stop);
            const auto why = answers ? problem_with(*question.change, *answers) : "gave no answer";
            if (why.empty()) return true;
            why_[what] = {what, fmt::format("{} {}", question.server, why), !answers};
            return false;
        });
    }

    /// The edge answers 520 to 530 itself where it can't reach the server behind it.
    void reach(const std::string& name, std::stop_token stop) {
        if (name.starts_with('*') || !reached_.insert(name).second || stop.stop_requested()) return;
        const auto what = fmt::format("https://{}/", name);
        try {
            const net::Request request{.method = "HEAD", .url = what, .timeout = std::chrono::seconds(15)};
            const auto response = with_.https.send(request, stop);
            if (response.status >= 520 && response.status <= 530)
                problems_.push_back({what,
                                     fmt::format("Cloudflare answers {}: it can't reach the server behind it",
                                                 response.status)});
        } catch (const Error& error) {
            if (error.code() == errors::interrupted) return;
            problems_.push_back({what, error.message(), error.code() == errors::address_forbidden});
        }
    }

    std::vector<const DnsChange*> changes_;
    const VerifyDns& with_;
    std::vector<Question> open_;
    std::map<std::string, NameProblem> why_;
    std::set<std::string> reached_;
    std::vector<NameProblem> problems_;
};

}  // namespace

std::vector<NameProblem> verify_dns(const plan::Plan& plan,
                                    std::span<const std::string> done,
                                    const DnsObservation& seen,
                                    const VerifyDns& with,
                                    std::stop_token stop) {
    return Verification(plan, done, seen, with).run(stop);
}

}  // namespace kavi::ops
