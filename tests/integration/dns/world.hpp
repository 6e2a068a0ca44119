#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/net/curl_transport.hpp>
#include <kavi/ops/dns/handler.hpp>
#include <kavi/ops/dns/undo.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <apis/lab_apis.hpp>

/// kavi's DNS against the lab's Cloudflare, in one process.
namespace dns_test {

using namespace kavi;

/// Real time, but sleeping takes none: it moves the clock on.
class LeapingClock final : public Clock {
  public:
    std::chrono::system_clock::time_point now() const override { return real_.now() + leapt_.load(); }

    std::chrono::steady_clock::time_point steady() const override { return real_.steady() + leapt_.load(); }

    void sleep_for(std::chrono::milliseconds duration, std::stop_token) override {
        leapt_ = leapt_.load() + duration;
    }

    std::chrono::milliseconds leapt() const { return leapt_; }

  private:
    SystemClock real_;
    std::atomic<std::chrono::milliseconds> leapt_{};
};

inline lab::LabApisConfig lab_config(const std::string& plan, const std::filesystem::path& log) {
    lab::LabApisConfig config;
    config.cloudflare.zones = {{.name = "kua.cl", .plan = plan}};
    config.cloudflare.rate_limit = 1'000'000;
    config.request_log = log;
    config.verbose_log = std::getenv("KAVI_LAB_LOG") != nullptr;
    return config;
}

/// The other side: looks at the zone and writes to it without any of kavi's DNS code.
class Stranger {
  public:
    Stranger(net::Transport& transport, std::string base, std::string token)
        : transport_(transport), base_(std::move(base)), token_(std::move(token)) {
        zone_ = send("GET", "/zones?name=kua.cl")["result"][0]["id"].get<std::string>();
    }

    Json send(const std::string& method, const std::string& path, const Json& body = nullptr) {
        net::Request request{.method = method, .url = base_ + path};
        request.headers = {{"Authorization", "Bearer " + token_}, {"Content-Type", "application/json"}};
        if (!body.is_null()) request.body = body.dump();
        return Json::parse(transport_.send(request, {}).body);
    }

    Json all() { return send("GET", "/zones/" + zone_ + "/dns_records?per_page=5000000")["result"]; }

    /// "MX kua.cl 10 mail.example.net 300 ; hello kavi:kavi", sorted.
    std::vector<std::string> lines() {
        std::vector<std::string> lines;
        for (const auto& one : all()) {
            std::string line = one["type"].get<std::string>() + " " + one["name"].get<std::string>() + " ";
            if (one.contains("priority")) line += one["priority"].dump() + " ";
            line += one["content"].get<std::string>() + " " + one["ttl"].dump();
            if (one["proxied"].get<bool>()) line += " proxied";
            if (one["comment"].is_string()) line += " ; " + one["comment"].get<std::string>();
            lines.push_back(line);
        }
        std::ranges::sort(lines);
        return lines;
    }

    /// The first record of that name and type.
    Json find(const std::string& type, const std::string& name) {
        for (const auto& one : all())
            if (one["type"] == type && one["name"] == name) return one;
        return nullptr;
    }

    Json add(const Json& body) { return send("POST", "/zones/" + zone_ + "/dns_records", body); }

    Json change(const std::string& id, const Json& body) {
        return send("PATCH", "/zones/" + zone_ + "/dns_records/" + id, body);
    }

    Json remove(const std::string& id) { return send("DELETE", "/zones/" + zone_ + "/dns_records/" + id); }

    /// "/zones/<id>" and what follows: a path as the lab's faults name it.
    std::string path(const std::string& below) const { return "/zones/" + zone_ + below; }

  private:
    net::Transport& transport_;
    std::string base_, token_, zone_;
};

inline api::CloudflareClient::Options access(const std::string& base_url, const std::string& token) {
    api::CloudflareClient::Options options;
    options.base_url = base_url;
    options.token = Secret(token);
    return options;
}

inline model::Estate small_estate() {
    model::Estate estate;
    estate.name = "kavi";
    estate.zones["kua.cl"] = {.name = "kua.cl", .max_deletes = 1000};
    return estate;
}

struct World {
    TemporaryFolder folder;
    lab::LabApis apis;
    LeapingClock clock;
    net::CurlTransport transport{net::CurlOptions{.rules = {.loopback_only = true}}};
    std::unique_ptr<Stranger> stranger;
    std::unique_ptr<api::CloudflareClient> client;
    model::Estate estate = small_estate();
    ops::NoImages no_images;
    ops::ImageSink* images = &no_images;

    explicit World(const std::string& plan = "pro") : World(plan, [](lab::LabApisConfig&) {}) {}

    template <typename Adjust>
    World(const std::string& plan, Adjust adjust) : apis(adjusted(lab_config(plan, log()), adjust)) {
        apis.start();
        const auto environment = apis.environment();
        base_url = environment.at("CLOUDFLARE_BASE_URL");
        token = environment.at("CLOUDFLARE_API_TOKEN");
        stranger = std::make_unique<Stranger>(transport, base_url, token);
        client = std::make_unique<api::CloudflareClient>(transport, clock, access(base_url, token));
    }

    World(const World&) = delete;
    World& operator=(const World&) = delete;

    /// For the conformance test: KAVI_LAB_LOG gets every exchange but those of the stranger, who alone posts single records.
    ~World() {
        const char* all = std::getenv("KAVI_LAB_LOG");
        if (all == nullptr) return;
        std::ofstream file(all, std::ios::app);
        for (const auto& line : split(read_file(log()), '\n')) {
            if (line.empty()) continue;
            const auto exchange = Json::parse(line, nullptr, false);
            if (exchange["method"] != "POST" || !exchange["path"].get<std::string>().ends_with("/dns_records"))
                file << line << '\n';
        }
    }

    std::filesystem::path log() const { return folder.path() / "requests.jsonl"; }

    ops::DnsObservation observe() { return ops::observe_dns(*client, ops::zone_questions(estate, {}), {}); }

    ops::DnsPlan plan() { return ops::plan_dns(estate, {}, {}, observe()); }

    run::Report apply(const ops::DnsPlan& plan, run::Boundary& boundary) {
        ops::DnsHandler handler(*client, clock, *images);
        run::Listener listener;
        return run::execute(plan.plan, {{"dns", &handler}}, boundary, listener, clock, {});
    }

    /// As `kavi dns sync --yes`.
    run::Report sync(run::Boundary& boundary) {
        const auto seen = observe();
        const auto plan = ops::plan_dns(estate, {}, {}, seen);
        plan.require_allowed();
        if (!plan.plan.empty()) ops::check_quota(*client, plan, seen, {});
        return apply(plan, boundary);
    }

    run::Report sync() {
        run::NoBoundary nothing;
        return sync(nothing);
    }

    /// "POST /zones/ID/dns_records/batch": what was asked while `work` ran, by the lab's log; ids are left
    /// out.
    template <typename Work>
    std::vector<std::string> requests_of(Work work) {
        const auto before = read_file(log()).size();
        work();
        std::vector<std::string> requests;
        for (const auto& line : split(std::string_view(read_file(log())).substr(before), '\n')) {
            if (line.empty()) continue;
            const auto json = Json::parse(line);
            auto path = json["path"].get<std::string>();
            path = path.substr(path.find("/v4/") + 3);
            for (std::size_t i = 0; i + 32 <= path.size(); ++i)
                if (path.substr(i, 32).find_first_not_of("0123456789abcdef") == std::string::npos)
                    path.replace(i, 32, "ID");
            requests.push_back(json["method"].get<std::string>() + " " + path);
        }
        std::ranges::sort(requests);
        return requests;
    }

    std::string base_url, token;

  private:
    template <typename Adjust>
    static lab::LabApisConfig adjusted(lab::LabApisConfig config, Adjust adjust) {
        adjust(config);
        return config;
    }
};

inline model::DeclaredRecord record(const std::string& type,
                                    const std::string& name,
                                    const std::string& content) {
    model::DeclaredRecord declared{.zone = "kua.cl", .type = type, .name = name};
    declared.content = content;
    return declared;
}

}  // namespace dns_test
