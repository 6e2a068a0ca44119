#pragma once

#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <stop_token>

namespace kavi::lab {

/// Work that goes on after an answer was sent. Each piece has a thread of its own.
class Background {
  public:
    using Work = std::function<void(std::stop_token)>;

    Background();
    ~Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;

    void start(Work work);
    /// Asks all work to end and waits for it; nothing starts after that.
    void stop();

    /// Sleeps; false when asked to stop meanwhile.
    static bool wait(std::chrono::milliseconds duration, std::stop_token stop);

  private:
    struct Running;
    std::mutex mutex_;
    bool stopped_ = false;
    std::list<std::unique_ptr<Running>> running_;
};

}  // namespace kavi::lab
