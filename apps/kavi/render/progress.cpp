#include "progress.hpp"

#include "errors.hpp"
#include "plan.hpp"

#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace kavi::app {

namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

struct Active {
    const plan::Action* action;
    SteadyTime since;
    std::string doing;
};

std::string name_of(const plan::Action& action) {
    return action.kind == "dns" ? fmt::format("{}  {}", action.group, action.subject) : action.subject;
}

std::chrono::milliseconds since(SteadyTime start, SteadyTime end) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(end - start);
}

/// Keeps what is under way; calls `draw` whenever it changed, and every `period`.
class Progress : public run::Listener {
  public:
    Progress(Output& output, Clock& clock) : output_(output), clock_(clock) {}

    void started(const plan::Action& action) override {
        const std::lock_guard lock(mutex_);
        active_.push_back({&action, clock_.steady(), action.reason});
        on_start(active_.back());
    }

    void progress(const plan::Action& action, std::string_view doing) override {
        const std::lock_guard lock(mutex_);
        const auto found = std::ranges::find(active_, &action, &Active::action);
        if (found == active_.end()) return;
        found->doing = printable(doing);
        on_change(*found);
    }

    void finished(const plan::Action& action, std::chrono::milliseconds took, bool was_so) override {
        const std::lock_guard lock(mutex_);
        std::erase_if(active_, [&](const auto& one) { return one.action == &action; });
        on_end(action, Tone::good, "✔", was_so ? "was so already" : action.reason, duration_text(took));
    }

    void failed(const plan::Action& action, const Error& error, const std::optional<std::string>& put_back) override {
        const std::lock_guard lock(mutex_);
        std::erase_if(active_, [&](const auto& one) { return one.action == &action; });
        on_end(action, Tone::bad, "✘", put_back ? fmt::format("{}; {}", error.message(), *put_back) : error.message(), "");
    }

    void skipped(const plan::Action& action, std::string_view why) override {
        const std::lock_guard lock(mutex_);
        on_end(action, Tone::dim, "·", fmt::format("not done: {}", why), "");
    }

  protected:
    virtual void on_start(const Active& active) = 0;
    virtual void on_change(const Active& active) = 0;
    virtual void on_end(const plan::Action& action,
                        Tone tone,
                        std::string_view sign,
                        std::string_view text,
                        std::string_view took) = 0;

    std::string end_line(const plan::Action& action,
                         Tone tone,
                         std::string_view sign,
                         std::string_view text,
                         std::string_view took) const {
        const auto& stream = output_.err();
        const auto room = (stream.terminal ? stream.width : 100) - 14;
        const auto subject = pad(cut(name_of(action), 26), 26);
        const auto rest = room - display_width(subject) - 2;
        return fmt::format("  {} {}  {} {:>8}\n", paint(tone, sign, stream.colour), subject, pad(cut(printable(text), rest), rest), took);
    }

    Output& output_;
    Clock& clock_;
    std::mutex mutex_;
    std::vector<Active> active_;
};

/// Calls `tick` from a thread of its own until it goes.
class Ticker {
  public:
    Ticker(std::chrono::milliseconds period, std::function<void()> tick)
        : thread_([this, period, tick = std::move(tick)](std::stop_token stop) {
              std::unique_lock lock(mutex_);
              while (!waits_.wait_for(lock, stop, period, [&] { return stop.stop_requested(); })) tick();
          }) {}

  private:
    std::mutex mutex_;
    std::condition_variable_any waits_;
    std::jthread thread_;
};

/// One line for each thing under way, rewritten in place below the lines of what has ended.
class LiveProgress final : public Progress {
  public:
    using Progress::Progress;

    ~LiveProgress() override { ticker_.reset(); }

  private:
    void on_start(const Active&) override { redraw(""); }

    void on_change(const Active&) override {}

    void on_end(const plan::Action& action,
                Tone tone,
                std::string_view sign,
                std::string_view text,
                std::string_view took) override {
        redraw(end_line(action, tone, sign, text, took));
    }

    void tick() {
        const std::lock_guard lock(mutex_);
        ++frame_;
        if (!active_.empty()) redraw("");
    }

    void redraw(const std::string& above) {
        const auto& stream = output_.err();
        auto text = drawn_ > 0 ? fmt::format("\x1b[{}F\x1b[J", drawn_) : std::string();
        text += above;
        constexpr std::array spinner{"⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"};
        const auto shown = std::min<std::size_t>(active_.size(), 8);
        for (std::size_t i = 0; i < shown; ++i) {
            const auto& one = active_[i];
            const auto time = duration_text(since(one.since, clock_.steady()));
            text += end_line(*one.action, Tone::plain, spinner[frame_ % spinner.size()], one.doing, time);
        }
        stream.sink.write(text);
        drawn_ = shown;
    }

    std::size_t drawn_ = 0;
    std::size_t frame_ = 0;
    std::unique_ptr<Ticker> ticker_ = std::make_unique<Ticker>(std::chrono::milliseconds(100), [this] { tick(); });
};

/// For a pipe or a CI's log: nothing is rewritten.
class PlainProgress final : public Progress {
  public:
    using Progress::Progress;

    ~PlainProgress() override { ticker_.reset(); }

  private:
    void on_start(const Active& active) override {
        output_.talk(ci_safe(fmt::format("  … {}  {}", pad(name_of(*active.action), 26), active.doing), output_.voice().ci));
    }

    void on_change(const Active& active) override {
        output_.detail(ci_safe(fmt::format("    {}  {}", pad(name_of(*active.action), 26), active.doing), output_.voice().ci));
    }

    void on_end(const plan::Action& action,
                Tone tone,
                std::string_view sign,
                std::string_view text,
                std::string_view took) override {
        auto line = end_line(action, tone, sign, text, took);
        line.pop_back();
        while (line.ends_with(' ')) line.pop_back();
        output_.talk(ci_safe(line, output_.voice().ci));
    }

    void tick() {
        const std::lock_guard lock(mutex_);
        for (const auto& one : active_)
            output_.talk(ci_safe(fmt::format("  … {}  {}, {}", pad(name_of(*one.action), 26), one.doing, duration_text(since(one.since, clock_.steady()))),
                                 output_.voice().ci));
    }

    std::unique_ptr<Ticker> ticker_ = std::make_unique<Ticker>(std::chrono::seconds(30), [this] { tick(); });
};

/// --json-events: one object a line on standard output.
class EventProgress final : public run::Listener {
  public:
    EventProgress(Output& output, Clock& clock) : output_(output), clock_(clock) {}

    void started(const plan::Action& action) override { event("started", action, {}); }

    void progress(const plan::Action& action, std::string_view doing) override {
        event("progress", action, {{"doing", printable(doing)}});
    }

    void finished(const plan::Action& action, std::chrono::milliseconds took, bool was_so) override {
        event("finished", action, {{"ms", took.count()}, {"already", was_so}});
    }

    void failed(const plan::Action& action, const Error& error, const std::optional<std::string>& put_back) override {
        event("failed", action, {{"error", error_json(error)}, {"put_back", put_back.value_or("")}});
    }

    void skipped(const plan::Action& action, std::string_view why) override { event("skipped", action, {{"why", why}}); }

  private:
    void event(std::string_view what, const plan::Action& action, const OrderedJson& more) {
        OrderedJson line{{"event", what}, {"at", iso8601(clock_.now())}, {"id", action.id}};
        for (const auto& [key, value] : more.items()) line[key] = value;
        const std::lock_guard lock(mutex_);
        output_.data(line.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) + '\n');
    }

    Output& output_;
    Clock& clock_;
    std::mutex mutex_;
};

}  // namespace

std::unique_ptr<run::Listener> make_progress(Output& output, Clock& clock) {
    if (output.voice().json_events) return std::make_unique<EventProgress>(output, clock);
    if (output.voice().quiet) return std::make_unique<run::Listener>();
    if (output.err().terminal && output.voice().ci == CiKind::none) return std::make_unique<LiveProgress>(output, clock);
    return std::make_unique<PlainProgress>(output, clock);
}

}  // namespace kavi::app
