#pragma once

#include <kavi/seal/bytes.hpp>

#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <span>
#include <string>
#include <string_view>

namespace kavi::ops {

/// Bytes from one thread to another, a few MiB at most under way.
class BytePipe {
  public:
    /// Nobody reads any more: the writer's work is for nothing.
    struct Abandoned {};

    /// Waits while the pipe is full. Throws Abandoned.
    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto count = std::min(bytes.size(), block_size - filling_.size());
            filling_.append(bytes.substr(0, count));
            bytes.remove_prefix(count);
            if (filling_.size() == block_size) hand_over();
        }
    }

    void end() {
        if (!filling_.empty()) hand_over();
        close(nullptr);
    }

    /// The reader gets `failure` thrown once it has read what came before.
    void fail(std::exception_ptr failure) { close(std::move(failure)); }

    /// Fills the front of `into`; 0 at the end. Throws what fail() was given, and Abandoned once somebody has
    /// given it up.
    std::size_t read(std::span<char> into) {
        if (used_ == reading_.size() && !next()) return 0;
        const auto count = std::min(into.size(), reading_.size() - used_);
        std::memcpy(into.data(), reading_.data() + used_, count);
        used_ += count;
        return count;
    }

    /// By the reader when it stops early, or by whoever else ends it all: both ends learn of it.
    void abandon() {
        const std::lock_guard lock(mutex_);
        abandoned_ = true;
        changed_.notify_all();
    }

  private:
    static constexpr std::size_t block_size = 256 * 1024;
    static constexpr std::size_t blocks = 12;

    void hand_over() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return abandoned_ || waiting_.size() < blocks; });
        if (abandoned_) throw Abandoned();
        waiting_.push_back(std::move(filling_));
        filling_ = spare_.empty() ? std::string() : std::move(spare_.back());
        if (!spare_.empty()) spare_.pop_back();
        filling_.clear();
        filling_.reserve(block_size);
        changed_.notify_all();
    }

    void close(std::exception_ptr failure) {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        failure_ = std::move(failure);
        changed_.notify_all();
    }

    bool next() {
        std::unique_lock lock(mutex_);
        if (reading_.capacity() >= block_size) spare_.push_back(std::move(reading_));
        used_ = 0;
        reading_.clear();
        changed_.wait(lock, [&] { return closed_ || abandoned_ || !waiting_.empty(); });
        if (abandoned_) throw Abandoned();
        if (waiting_.empty()) {
            if (failure_) std::rethrow_exception(failure_);
            return false;
        }
        reading_ = std::move(waiting_.front());
        waiting_.pop_front();
        changed_.notify_all();
        return true;
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::string> waiting_, spare_;
    std::string filling_;  // the writer's
    std::string reading_;  // the reader's
    std::size_t used_ = 0;
    bool closed_ = false, abandoned_ = false;
    std::exception_ptr failure_;
};

}  // namespace kavi::ops
