#include "control.hpp"

#include "lab/tools.hpp"
#include "network/plain_socket.hpp"

#include <fmt/format.h>

#include <poll.h>
#include <sys/socket.h>

namespace kavi::lab {
namespace {

Json failure(const Error& problem) {
    return {{"ok", false},
            {"message", problem.message()},
            {"causes", problem.causes()},
            {"fix", problem.advice()}};
}

Json answered(const std::function<Json(const Json&)>& answer, const std::string& line) {
    try {
        return answer(parse_json(line, "a request to the lab"));
    } catch (const Error& problem) {
        return failure(problem);
    } catch (const std::exception& problem) {
        return failure(lab_error(problem.what()));
    }
}

}  // namespace

void serve_control(const Place& place, const std::function<Json(const Json&)>& answer, std::stop_token stop) {
    const auto listener = listen_at_path(place.control_socket().string());
    while (!stop.stop_requested()) {
        pollfd polled{listener.get(), POLLIN, 0};
        if (::poll(&polled, 1, 200) <= 0) continue;
        const FileDescriptor client(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!client) continue;
        limit_waiting(client.get(), 10);
        const auto line = read_all(client.get(), true);
        if (!line.empty()) write_all(client.get(), answered(answer, line).dump() + "\n");
    }
}

std::string ask_lab(const Place& place, const Json& request) {
    const auto record = Record::read(place);
    const auto socket =
        record && record->alive() ? connect_to_path(place.control_socket().string()) : FileDescriptor();
    if (!socket)
        throw lab_error(fmt::format("no lab is up in {}", place.folder.string()))
            .fix("start one: kavi-lab up");
    write_all(socket.get(), request.dump() + "\n");
    const auto answer = parse_json(read_all(socket.get(), true), "the lab's answer");
    if (answer.value("ok", false)) return string_or(answer, "text");
    auto error = lab_error(string_or(answer, "message"));
    for (const auto& cause : answer.value("causes", std::vector<std::string>())) error.because(cause);
    throw error.fix(string_or(answer, "fix"));
}

}  // namespace kavi::lab
