#include "infisical.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace kavi::lab::infisical {
namespace {

using std::chrono::steady_clock;

constexpr auto window_length = std::chrono::seconds(60);
constexpr std::int64_t login_limit = 200;

/// As for a route that isn't there: the only error without a reqId.
Answer no_route(const Call& call) {
    const auto target = call.raw_path + (call.raw_query.empty() ? "" : "?" + call.raw_query);
    return Answer::json(404,
                        {{"message", "Route " + call.method + ":" + target + " not found"},
                         {"error", "Not Found"},
                         {"statusCode", 404}});
}

Problem too_many(std::int64_t seconds) {
    return {429,
            "RateLimitExceeded",
            fmt::format("Rate limit exceeded. Please try again in {} seconds", seconds)};
}

Problem problem_of(int status) {
    if (status == 429) return too_many(60);
    if (status == 401) return unauthorized("Invalid credentials");
    if (status == 403) return {403, "PermissionDenied", "You are not allowed to access this resource"};
    if (status == 404) return not_found("Resource not found");
    if (status >= 500) {
        auto problem = went_wrong();
        problem.status = status;
        return problem;
    }
    return {status, "BadRequest", "Bad request"};
}

/// Every answer has a tag over its body, and a GET that knows it gets none.
void add_tag(const Call& call, Answer& answer) {
    if (answer.body.empty()) return;
    const auto present = std::ranges::find(answer.headers, "etag", &Pairs::value_type::first);
    auto tag = present != answer.headers.end() ? present->second
                                               : "\"" + base64(sha256(answer.body).substr(0, 20)) + "\"";
    if (present == answer.headers.end()) answer.headers.emplace_back("etag", tag);
    auto known = call.header("if-none-match").value_or("");
    if (known.starts_with("W/")) known = known.substr(2);
    if (answer.status != 200 || call.method != "GET" || known != tag) return;
    auto headers = std::move(answer.headers);
    answer = Answer::empty(304);
    answer.headers = std::move(headers);
}

/// Calls with separate counters: lists, single secrets, logins and all others.
std::string bucket_of(const std::string& route) {
    if (route.ends_with("/login")) return "login";
    if (route.find("/secrets") == std::string::npos) return "other";
    return route.find('{') == std::string::npos ? "list" : "one";
}

}  // namespace

Infisical::Infisical(const InfisicalSeed& seed, std::function<bool()> reachable)
    : seed_(seed),
      reachable_(std::move(reachable)),
      vault_(seed.projects),
      identities_(seed.identities, seed.age, vault_.organisation()) {
    add_auth_routes(router_, *this);
    add_secret_list_routes(router_, *this);
    add_secret_write_routes(router_, *this);
    add_secret_batch_routes(router_, *this);
    add_folder_routes(router_, *this);
    add_import_routes(router_, *this);
    add_project_routes(router_, *this);
}

Answer Infisical::answer(Call& call) {
    const std::scoped_lock lock(mutex_);
    caller_ = nullptr;
    Pairs limits;
    Answer answer;
    try {
        answer = routed(call, limits);
    } catch (const Problem& problem) {
        answer = failure(problem);
    }
    for (auto& header : limits) answer.headers.push_back(std::move(header));
    answer.headers.emplace_back("vary", "Origin");
    add_tag(call, answer);
    return answer;
}

Answer Infisical::routed(Call& call, Pairs& limits) {
    const auto match = router_.find(call);
    if (match.handler == nullptr) return no_route(call);
    admit(call, match.route, limits);
    return (*match.handler)(call);
}

Answer Infisical::error(int status, const std::string& code) {
    auto problem = problem_of(status);
    if (!code.empty()) problem.error = code;
    return failure(problem);
}

void Infisical::admit(const Call&, const std::string& route, Pairs& headers) {
    if (seed_.rate_limit <= 0 || route == "/api/status") return;
    const auto bucket = bucket_of(route);
    const auto limit = bucket == "login" ? std::max(login_limit, seed_.rate_limit) : seed_.rate_limit;
    auto& window = windows_[bucket];
    const auto now = steady_clock::now();
    if (window.used == 0 || now - window.begin >= window_length) window = {now, 0};
    const auto left = std::chrono::ceil<std::chrono::seconds>(window.begin + window_length - now).count();
    const bool over = window.used >= limit;
    if (!over) ++window.used;
    headers = {{"x-ratelimit-limit", std::to_string(limit)},
               {"x-ratelimit-remaining", std::to_string(limit - window.used)},
               {"x-ratelimit-reset", std::to_string(left)}};
    if (!over) return;
    headers.emplace_back("retry-after", std::to_string(left));
    throw too_many(left);
}

const Identity& Infisical::caller(const Call& call) {
    if (caller_ == nullptr) caller_ = &identities_.caller(call);
    return *caller_;
}

Project& Infisical::project(const Call& call, const std::string& id) {
    caller(call);
    auto* found = vault_.by_id(id);
    if (found == nullptr)
        throw not_found(
            fmt::format("Project with ID '{}' not found during bot lookup. Are you sure you are "
                        "using the correct project ID?",
                        id));
    member_or_throw(call, *found);
    return *found;
}

Project& Infisical::project_by_slug(const Call& call, const std::string& slug) {
    caller(call);
    auto* found = vault_.by_slug(slug);
    if (found == nullptr) throw not_found(fmt::format("Project with slug '{}' not found", slug));
    member_or_throw(call, *found);
    return *found;
}

void Infisical::member_or_throw(const Call& call, const Project& project) {
    if (caller(call).seed.roles.contains(project.slug)) return;
    throw Problem{403,
                  "ProjectMembershipNotFound",
                  fmt::format("You are not a member of this project with ID {}. Please assign this identity "
                              "to the project with the appropriate permissions, then try again.",
                              project.id)};
}

void Infisical::check_right(const Call& call,
                            const Project& project,
                            Right right,
                            const std::string& verb,
                            const std::string& subject) {
    const auto& role = caller(call).seed.roles.at(project.slug);
    const bool all = role == "admin" || role == "member";
    if (all || right == Right::list || (role == "viewer" && right == Right::read)) return;
    throw permission_denied(verb, subject);
}

const Identity* Infisical::first_identity() const {
    return identities_.all().empty() ? nullptr : identities_.all().front().get();
}

void Infisical::add_generated(std::size_t count) {
    const std::scoped_lock lock(mutex_);
    if (vault_.projects().empty() || vault_.projects().front()->environments.empty()) return;
    auto& project = *vault_.projects().front();
    const auto slug = project.environment("prod") != nullptr ? "prod" : project.environments.back()->slug;
    auto& folder = project.make_folder(slug, "/scale");
    for (std::size_t i = 0; i < count; ++i)
        put_secret(folder, fmt::format("GENERATED_{:05}", i), hex(sha256(fmt::format("generated {}", i))));
}

Json body_of(const Call& call) {
    if (call.body.empty()) return Json::object();
    if (call.content_type() == "application/x-www-form-urlencoded") return Json::object();
    if (call.content_type() != "application/json")
        throw validation(Json::array({type_issue("", "object", call.body)}));
    auto value = Json::parse(call.body, nullptr, false);
    if (value.is_discarded()) throw went_wrong();
    if (!value.is_object()) throw validation(Json::array({type_issue("", "object", value)}));
    return value;
}

std::string required(const Json& body, const std::string& field) {
    const auto found = body.find(field);
    if (found == body.end()) throw missing_field(field);
    if (!found->is_string()) throw validation(Json::array({type_issue(field, "string", *found)}));
    return found->get<std::string>();
}

bool switch_of(const Call& call, const std::string& name, bool otherwise) {
    const auto value = call.parameter(name);
    if (!value) return otherwise;
    if (*value == "true" || *value == "false") return *value == "true";
    throw validation(Json::array(
        {{{"received", *value},
          {"code", "invalid_enum_value"},
          {"options", {"true", "false"}},
          {"path", Json::array({name})},
          {"message", "Invalid enum value. Expected 'true' | 'false', received '" + *value + "'"}}}));
}

}  // namespace kavi::lab::infisical
