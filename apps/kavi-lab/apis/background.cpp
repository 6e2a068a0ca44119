#include "background.hpp"

#include <atomic>
#include <condition_variable>
#include <thread>
#include <utility>

namespace kavi::lab {

struct Background::Running {
    std::atomic<bool> done = false;
    std::jthread thread;
};

Background::Background() = default;

Background::~Background() {
    stop();
}

void Background::start(Work work) {
    const std::scoped_lock lock(mutex_);
    if (stopped_) return;
    running_.remove_if([](const std::unique_ptr<Running>& one) { return one->done.load(); });
    auto& one = *running_.emplace_back(std::make_unique<Running>());
    one.thread = std::jthread([&one, work = std::move(work)](std::stop_token stop) {
        work(std::move(stop));
        one.done = true;
    });
}

void Background::stop() {
    std::list<std::unique_ptr<Running>> ending;
    {
        const std::scoped_lock lock(mutex_);
        stopped_ = true;
        ending.swap(running_);
    }
    for (auto& one : ending) one->thread.request_stop();
}

bool Background::wait(std::chrono::milliseconds duration, std::stop_token stop) {
    std::mutex mutex;
    std::condition_variable_any condition;
    std::unique_lock lock(mutex);
    condition.wait_for(lock, stop, duration, [] { return false; });
    return !stop.stop_requested();
}

}  // namespace kavi::lab
