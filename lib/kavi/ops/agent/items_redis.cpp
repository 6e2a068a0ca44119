#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/agent/items.hpp>

#include <fmt/format.h>

#include <charconv>
#include <chrono>

namespace kavi::ops {

namespace {

constexpr std::chrono::minutes longest_save{30};

std::uint64_t number_in(std::string_view text) {
    std::uint64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
}

class RedisSource {
  public:
    explicit RedisSource(const ItemJob& job)
        : job_(job),
          container_(job.docker.running(job.wanted("project"), job.wanted("service"))),
          cli_(cli_of(job.item.json)) {}

    Json dump(const seal::WriteBytes& out) {
        auto details = save();
        const auto file = setting("dir") + "/" + setting("dbfilename");
        if (const auto owner = owner_of(file); owner.is_array()) details["owner"] = owner;
        const auto rdb = job_.docker.start({"exec", container_.id, "cat", "--", file});
        RdbCheck check;
        const auto status = pump(*rdb, [&](std::string_view bytes) {
            check.add(bytes);
            out(bytes);
        });
        if (status != 0) throw item_failed("the RDB can't be read", rdb->errors());
        check.finish();
        return details;
    }

  private:
    static std::vector<std::string> cli_of(const Json& item) {
        const auto& said = member_or_null(item, "cli");
        std::vector<std::string> words;
        if (said.is_array())
            for (const auto& word : said)
                if (word.is_string()) words.push_back(word.get<std::string>());
        return words.empty() ? std::vector<std::string>{"redis-cli"} : words;
    }

    std::string ask(std::initializer_list<std::string> command) {
        std::vector<std::string> words{"exec", container_.id};
        words.insert(words.end(), cli_.begin(), cli_.end());
        words.insert(words.end(), command);
        const auto done = job_.docker.run(std::move(words));
        const auto said = std::string(trim(done.output));
        if (done.status != 0)
            throw item_failed(fmt::format("{} can't be asked", job_.wanted("service")),
                              done.errors + done.output);
        for (const auto* refusal : {"ERR ", "NOAUTH ", "NOPERM ", "WRONGPASS ", "LOADING ", "AUTH failed"})
            if (said.starts_with(refusal))
                throw item_failed(fmt::format("{} refuses {}", job_.wanted("service"), *command.begin()),
                                  said);
        return said;
    }

    /// [uid, gid] of a file in the container, for a volume that is made anew; null: it can't say.
    Json owner_of(const std::string& file) {
        const auto done = job_.docker.run({"exec", container_.id, "stat", "-c", "%u %g", "--", file});
        const auto words = split(trim(done.output), ' ');
        if (done.status != 0 || words.size() != 2) return nullptr;
        return {number_in(words[0]), number_in(words[1])};
    }

    /// "/data" of CONFIG GET dir.
    std::string setting(const std::string& name) {
        const auto lines = split(ask({"CONFIG", "GET", name}), '\n');
        if (lines.size() < 2)
            throw Error(errors::backup_failed,
                        fmt::format("{} doesn't say its {}", job_.wanted("service"), name));
        return std::string(trim(lines[1]));
    }

    std::string info(std::string_view section, std::string_view key) {
        for (const auto& line : split(ask({"INFO", std::string(section)}), '\n'))
            if (const auto text = trim(line);
                text.starts_with(key) && text.substr(key.size()).starts_with(':'))
                return std::string(text.substr(key.size() + 1));
        return {};
    }

    /// {"keys", "expires"} of all databases together.
    Json sizes() {
        std::uint64_t keys = 0, expires = 0;
        for (const auto& line : split(ask({"INFO", "keyspace"}), '\n'))
            for (const auto& field :
                 split(trim(line).substr(std::min(trim(line).size(), trim(line).find(':') + 1)), ',')) {
                if (field.starts_with("keys=")) keys += number_in(std::string_view(field).substr(5));
                if (field.starts_with("expires=")) expires += number_in(std::string_view(field).substr(8));
            }
        return {{"keys", keys}, {"expires", expires}};
    }

    /// An RDB of now, on the container's disk. Counts are told where nothing changed them while it was begun.
    Json save() {
        const auto until = job_.docker.clock().steady() + longest_save;
        wait_for_end(until);
        auto details = sizes();
        const auto saves = begin(until);
        if (sizes() != details) details = Json::object();
        wait_for_end(until);
        if (info("persistence", "rdb_last_bgsave_status") != "ok" ||
            number_in(info("persistence", "rdb_last_save_time")) < saves)
            throw Error(errors::backup_failed,
                        fmt::format("{} couldn't save its data", job_.wanted("service")))
                .fix("kavi logs " + job_.wanted("service"));
        details["server_version"] = info("server", "redis_version");
        return details;
    }

    /// The server's clock in seconds when the save was begun.
    std::uint64_t begin(std::chrono::steady_clock::time_point until) {
        for (;;) {
            const auto now = number_in(ask({"TIME"}));
            // Scheduled only, behind a rewrite of the append-only file: asked again until it runs.
            if (ask({"BGSAVE", "SCHEDULE"}).find("started") != std::string::npos) return now;
            wait(until);
            wait_for_end(until);
        }
    }

    void wait_for_end(std::chrono::steady_clock::time_point until) {
        while (info("persistence", "rdb_bgsave_in_progress") != "0") wait(until);
    }

    void wait(std::chrono::steady_clock::time_point until) {
        if (job_.docker.clock().steady() > until)
            throw Error(errors::backup_failed,
                        fmt::format("{} takes longer than 30 min to save", job_.wanted("service")));
        job_.docker.clock().sleep_for(std::chrono::milliseconds(100), job_.stop);
        if (job_.stop.stop_requested()) throw Error(errors::interrupted, "interrupted");
    }

    const ItemJob& job_;
    RestoreContainer container_;
    std::vector<std::string> cli_;
};

}  // namespace

void backup_redis(const ItemJob& job) {
    RedisSource source(job);
    job.store({.kind = "redis", .part = "", .form = "rdb", .source = [&](const seal::WriteBytes& out) {
                   return source.dump(out);
               }});
}

}  // namespace kavi::ops
