#include "notifications.hpp"

#include "lab/tools.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/base/json.hpp>

#include <httplib.h>

#include <fstream>
#include <mutex>
#include <thread>

namespace kavi::lab {

struct Notifications::Parts {
    explicit Parts(const std::filesystem::path& path) : file(path, std::ios::trunc) {
        server.new_task_queue = [] { return new httplib::ThreadPool(2); };
        const auto take = [this](const httplib::Request& request, httplib::Response& response) {
            const OrderedJson line{{"time", iso8601(std::chrono::system_clock::now())},
                                   {"method", request.method},
                                   {"path", request.path},
                                   {"body", request.body}};
            const std::scoped_lock lock(mutex);
            file << line.dump(-1, ' ', false, OrderedJson::error_handler_t::replace) << std::endl;
            response.set_content("{}", "application/json");
        };
        server.Post(".*", take);
        server.Put(".*", take);
        port = server.bind_to_any_port("127.0.0.1");
        if (port <= 0) throw lab_error("the notification address can't listen");
        thread = std::thread([this] { server.listen_after_bind(); });
    }

    ~Parts() {
        server.stop();
        thread.join();
    }

    std::ofstream file;
    std::mutex mutex;
    httplib::Server server;
    int port = 0;
    std::thread thread;
};

Notifications::Notifications(const std::filesystem::path& file) : parts_(std::make_unique<Parts>(file)) {}

Notifications::~Notifications() = default;

int Notifications::port() const {
    return parts_->port;
}

}  // namespace kavi::lab
