#include <kavi/base/error_codes.hpp>
#include <kavi/net/curl_exchange.hpp>
#include <kavi/net/curl_handles.hpp>
#include <kavi/net/curl_transport.hpp>

#include <future>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kavi::net {

namespace {

/// Everything that happens wakes the thread; this bounds a stall should curl ever miss something, as 7.88
/// does with CURLMOPT_MAX_HOST_CONNECTIONS set: a transfer that waits for a connection isn't woken. (So it
/// isn't set.)
constexpr int longest_wait = 250;
constexpr int longest_idle_wait = 60'000;

/// A request on its way: nullopt comes of it when it was cancelled.
struct Job {
    explicit Job(Exchange& prepared) : exchange(prepared) {}

    Exchange& exchange;
    std::promise<std::optional<CURLcode>> ended;
};

using SharedJob = std::shared_ptr<Job>;

void initialise_curl() {
    static std::once_flag once;
    std::call_once(once, [] {
        if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
            throw Error(errors::internal, "libcurl can't be initialised");
    });
}

}  // namespace

/// The thread that owns the multi handle. Others hand it jobs and cancellations through two lists.
class CurlTransport::Worker {
  public:
    ~Worker() {
        thread_.request_stop();
        if (thread_.joinable()) wake();
    }

    std::optional<CURLcode> run(Exchange& exchange, std::stop_token stop) {
        std::call_once(started_, [this] { start(); });
        const auto job = std::make_shared<Job>(exchange);
        auto ended = job->ended.get_future();
        hand_over(incoming_, job);
        const std::stop_callback cancel(stop, [&] { hand_over(cancelled_, job); });
        return ended.get();
    }

  private:
    void start() {
        multi_.reset(curl_multi_init());
        if (!multi_) throw std::bad_alloc();
        curl_multi_setopt(multi_.get(), CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
        thread_ = std::jthread([this](std::stop_token stopping) { loop(stopping); });
    }

    void hand_over(std::vector<SharedJob>& list, SharedJob job) {
        {
            const std::scoped_lock lock(mutex_);
            list.push_back(std::move(job));
        }
        wake();
    }

    void wake() { curl_multi_wakeup(multi_.get()); }

    void loop(std::stop_token stopping) {
        while (!stopping.stop_requested()) {
            take_orders();
            int running = 0;
            curl_multi_perform(multi_.get(), &running);
            collect();
            curl_multi_poll(
                multi_.get(), nullptr, 0, jobs_.empty() ? longest_idle_wait : longest_wait, nullptr);
        }
        while (!jobs_.empty()) end(jobs_.begin()->first, {});
    }

    void take_orders() {
        std::vector<SharedJob> incoming, cancelled;
        {
            const std::scoped_lock lock(mutex_);
            incoming.swap(incoming_);
            cancelled.swap(cancelled_);
        }
        for (auto& job : incoming) {
            CURL* handle = job->exchange.handle();
            jobs_.emplace(handle, std::move(job));
            if (curl_multi_add_handle(multi_.get(), handle) != CURLM_OK) end(handle, CURLE_FAILED_INIT);
        }
        for (const auto& job : cancelled) {
            // Its exchange is gone once it has ended, so it is looked for by identity, not by handle.
            for (const auto& [handle, active] : jobs_) {
                if (active != job) continue;
                end(handle, {});
                break;
            }
        }
    }

    void collect() {
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(multi_.get(), &left))
            if (message->msg == CURLMSG_DONE) end(message->easy_handle, message->data.result);
    }

    void end(CURL* handle, std::optional<CURLcode> code) {
        const auto found = jobs_.find(handle);
        if (found == jobs_.end()) return;
        const auto job = std::move(found->second);
        jobs_.erase(found);
        curl_multi_remove_handle(multi_.get(), handle);
        job->ended.set_value(code);
    }

    CurlMulti multi_;
    std::once_flag started_;
    std::mutex mutex_;
    std::vector<SharedJob> incoming_, cancelled_;
    std::unordered_map<CURL*, SharedJob> jobs_;  ///< the thread's alone
    std::jthread thread_;                        ///< last: it ends before the rest goes
};

CurlTransport::CurlTransport(CurlOptions options)
    : options_(std::move(options)), worker_(std::make_unique<Worker>()) {}

CurlTransport::~CurlTransport() = default;

Response CurlTransport::send(const Request& request, std::stop_token stop) {
    if (stop.stop_requested()) throw Error(errors::interrupted, "interrupted");
    initialise_curl();
    Exchange exchange(options_, request);
    const auto code = worker_->run(exchange, stop);
    if (!code) throw Error(errors::interrupted, "interrupted");
    return exchange.finish(*code);
}

}  // namespace kavi::net
