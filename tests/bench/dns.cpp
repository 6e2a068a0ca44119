// What planning a zone costs: CPU time for 10, 1,000 and 10,000 records with none, one and all changed, and
// the process's peak memory with the answers of the API included. Prints a table, and JSON where a file is
// named.

#include <kavi/base/files.hpp>
#include <kavi/ops/dns/plan.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

using namespace kavi;

namespace {

double cpu_ms() {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

/// The process's peak so far, in MiB.
double peak_mib() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:")) return std::stod(line.substr(6)) / 1024;
    return 0;
}

std::string address(std::size_t i) {
    return fmt::format("198.51.{}.{}", i / 250 % 250, 1 + i % 250);
}

/// Answers as Cloudflare does for a zone of `count` records of ours.
class CannedZone final : public net::Transport {
  public:
    explicit CannedZone(std::size_t count) : count_(count) {}

    net::Response send(const net::Request& request, std::stop_token) override {
        if (request.url.find("/tokens/verify") != std::string::npos)
            return answer(R"({"id":"x","status":"active"})");
        if (request.url.find("/zones?") != std::string::npos)
            return answer(
                R"([{"id":"z","name":"kua.cl","status":"active","paused":false,"type":"full","plan":{"legacy_id":"enterprise"}}])");
        const auto page = std::stoul(request.url.substr(request.url.find("?page=") + 6));
        std::string records = "[";
        const auto begin = (page - 1) * api::cloudflare_page;
        for (auto i = begin; i < std::min(begin + api::cloudflare_page, count_); ++i)
            records += fmt::format(
                R"({}{{"id":"{:032x}","type":"A","name":"host-{}.kua.cl","content":"{}","proxiable":true,"proxied":false,"ttl":1,)"
                R"("settings":{{}},"meta":{{}},"comment":"kavi:kavi","tags":[],"created_on":"2026-11-25T02:00:00.000000Z",)"
                R"("modified_on":"2026-11-25T02:00:00.000000Z","comment_modified_on":"2026-11-25T02:00:00.000000Z"}})",
                i == begin ? "" : ",",
                i,
                i,
                address(i));
        return answer(records + "]", fmt::format(R"(,"result_info":{{"total_count":{}}})", count_));
    }

  private:
    static net::Response answer(const std::string& result, const std::string& more = {}) {
        return {.status = 200,
                .body = fmt::format(
                    R"({{"success":true,"errors":[],"messages":[],"result":{}{}}})", result, more)};
    }

    std::size_t count_;
};

model::Estate estate_of(std::size_t count, std::size_t changed) {
    model::Estate estate;
    estate.name = "kavi";
    estate.zones["kua.cl"] = {.name = "kua.cl"};
    for (std::size_t i = 0; i < count; ++i) {
        model::DeclaredRecord record{.zone = "kua.cl", .type = "A", .name = fmt::format("host-{}", i)};
        record.content = i < changed ? "203.0.113.7" : address(i);
        estate.records.push_back(std::move(record));
    }
    return estate;
}

struct Row {
    std::size_t records, changed;
    double observe, plan, digest;
};

Row measure(std::size_t count, std::size_t changed) {
    CannedZone transport(count);
    SystemClock clock;
    api::CloudflareClient client(transport, clock, {.token = Secret("x")});
    const auto estate = estate_of(count, changed);
    Row row{count, changed, 1e9, 1e9, 1e9};
    for (int round = 0; round < 5; ++round) {  // the best of five: what else runs here isn't the question
        const auto a = cpu_ms();
        const auto seen = ops::observe_dns(client, ops::zone_questions(estate, {}), {});
        const auto b = cpu_ms();
        const auto plan = ops::plan_dns(estate, {}, {}, seen);
        const auto c = cpu_ms();
        const auto digest = plan::digest(plan.plan);
        const auto d = cpu_ms();
        if (plan.plan.actions.size() != changed || digest.empty())
            throw std::runtime_error("the plan isn't what it should be");
        row.observe = std::min(row.observe, b - a);
        row.plan = std::min(row.plan, c - b);
        row.digest = std::min(row.digest, d - c);
    }
    return row;
}

}  // namespace

int main(int argc, char** argv) {
    auto rows = Json::array();
    fmt::print("{:>8} {:>8} {:>12} {:>10} {:>10}   (CPU, ms)\n",
               "records",
               "changed",
               "read answers",
               "plan",
               "digest");
    for (const std::size_t count : {10U, 1000U, 10000U}) {
        for (const std::size_t changed : {std::size_t{0}, std::size_t{1}, count}) {
            const auto row = measure(count, changed);
            fmt::print("{:>8} {:>8} {:>12.2f} {:>10.2f} {:>10.2f}\n",
                       row.records,
                       row.changed,
                       row.observe,
                       row.plan,
                       row.digest);
            rows.push_back({{"records", row.records},
                            {"changed", row.changed},
                            {"observe_ms", row.observe},
                            {"plan_ms", row.plan},
                            {"digest_ms", row.digest}});
        }
    }
    fmt::print("peak memory {:.1f} MiB\n", peak_mib());
    if (argc > 1)
        write_file_atomic(argv[1], Json{{"dns_plan", rows}, {"peak_mib", peak_mib()}}.dump(2) + "\n", 0644);
}
