#pragma once

#include <kavi/base/files.hpp>
#include <kavi/run/executor.hpp>

#include <filesystem>
#include <string>

/// A world made of files: a thing is a file, its state the file's content. What kill tests run against, since a
/// process that was killed leaves files behind and nothing else.
class FakeWorld {
  public:
    explicit FakeWorld(std::filesystem::path folder) : folder_(std::move(folder)) {}

    std::optional<std::string> state(const std::string& thing) const {
        return kavi::read_file_if_there(folder_ / thing);
    }

    void set(const std::string& thing, std::string_view state) {
        kavi::write_file_atomic(folder_ / thing, state, 0600);
    }

    /// How often anything was set, over all processes.
    int effects() const {
        int count = 0;
        for (const char c : kavi::read_file_if_there(folder_ / ".effects").value_or("")) count += c == '.';
        return count;
    }

    void count_effect() {
        const auto old = kavi::read_file_if_there(folder_ / ".effects").value_or("");
        kavi::write_file_atomic(folder_ / ".effects", old + '.', 0600);
    }

  private:
    std::filesystem::path folder_;
};

/// Brings things of the world from `before` to `expected_after` (strings, null for absent).
class FakeHandler : public kavi::run::Handler {
  public:
    explicit FakeHandler(FakeWorld& world) : world_(world) {}

    kavi::run::Look look(const kavi::plan::Action& action, std::stop_token) override {
        const auto state = world_.state(action.subject);
        const kavi::Json now = state ? kavi::Json(*state) : kavi::Json(nullptr);
        if (now == action.expected_after) return {.standing = kavi::run::Standing::after, .found = {}};
        if (now == action.before) return {};
        return {.standing = kavi::run::Standing::other, .found = state.value_or("nothing")};
    }

    void apply(std::span<const kavi::plan::Action* const> batch, std::stop_token) override {
        for (const auto* action : batch) {
            world_.set(action->subject, action->expected_after.get<std::string>());
            world_.count_effect();
        }
    }

  private:
    FakeWorld& world_;
};
