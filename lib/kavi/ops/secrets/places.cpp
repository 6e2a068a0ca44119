#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/secrets/places.hpp>

#include <fmt/format.h>

#include <algorithm>

namespace kavi::ops {

namespace {

constexpr int not_there = 44;

// Constant: the path is the first line of what they read.
constexpr std::string_view read_script =
    R"(exec sh -c 'IFS= read -r path; test -e "$path" || exit 44; exec cat -- "$path"')";
constexpr std::string_view write_script =
    R"(exec sh -c 'umask 077; IFS= read -r path; mkdir -p -- "${path%/*}" && cat >"$path.tmp" && sync && )"
    R"(mv -f -- "$path.tmp" "$path"')";

void need_success(const net::ExecResult& result, std::string_view doing) {
    if (result.status == 0) return;
    Error error(errors::remote_failed, fmt::format("can't {}", doing));
    if (const auto said = printable(result.errors); !trim(said).empty())
        error.because(std::string(trim(said)));
    throw error;
}

std::string first_line(std::string_view path) {
    if (!path.starts_with('/') || path.find('\n') != std::string_view::npos)
        throw Error(errors::config_invalid,
                    fmt::format("{} is no absolute path on a server", printable(path)));
    return std::string(path) + "\n";
}

/// Only what a shell without quotes takes for one word.
std::string box_word(std::string_view path) {
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("._-/").find(c) != std::string_view::npos;
    };
    if (path.empty() || path.starts_with('-') || !std::ranges::all_of(path, plain))
        throw Error(errors::config_invalid,
                    fmt::format("{} is no path that a Storage Box takes", printable(path)))
            .fix("use letters, digits, '.', '_', '-' and '/'");
    return std::string(path);
}

net::ExecResult run(net::SshSession& session,
                    std::string_view command,
                    std::string_view input,
                    std::stop_token stop) {
    return session.exec(command, input, {}, std::move(stop), std::chrono::seconds(30));
}

}  // namespace

std::optional<std::string> read_server_file(net::SshSession& session,
                                            std::string_view path,
                                            std::stop_token stop) {
    auto result = run(session, read_script, first_line(path), std::move(stop));
    if (result.status == not_there) return std::nullopt;
    need_success(result, fmt::format("read {}", path));
    return std::move(result.output);
}

void write_server_file(net::SshSession& session,
                       std::string_view path,
                       std::string_view bytes,
                       std::stop_token stop) {
    need_success(run(session, write_script, first_line(path) + std::string(bytes), std::move(stop)),
                 fmt::format("write {}", path));
}

std::optional<std::string> read_box_file(net::SshSession& session,
                                         std::string_view path,
                                         std::stop_token stop) {
    auto result = run(session, "cat " + box_word(path), {}, std::move(stop));
    if (result.status != 0 && result.errors.find("No such file") != std::string::npos) return std::nullopt;
    need_success(result, fmt::format("read {}", path));
    return std::move(result.output);
}

void write_box_file(net::SshSession& session,
                    std::string_view path,
                    std::string_view bytes,
                    std::stop_token stop) {
    const auto target = box_word(path);
    const auto slash = target.rfind('/');
    if (slash != std::string::npos && slash > 0)
        need_success(run(session, "mkdir -p " + target.substr(0, slash), {}, stop),
                     fmt::format("make the folder of {}", path));
    need_success(run(session, fmt::format("dd of={}.tmp", target), bytes, stop),
                 fmt::format("write {}", path));
    need_success(run(session, fmt::format("mv {0}.tmp {0}", target), {}, std::move(stop)),
                 fmt::format("write {}", path));
}

std::optional<std::string> EstatePlaces::read(const model::Place& place, std::stop_token stop) {
    if (const auto server = estate_.servers.find(place.owner); server != estate_.servers.end())
        return read_server_file(sessions_.server(server->second, stop), place.path, stop);
    const auto storage = estate_.storages.find(place.owner);
    if (storage != estate_.storages.end() && storage->second.kind == model::Storage::Kind::storage_box)
        return read_box_file(sessions_.storage(storage->second, stop), place.path, stop);
    return local_.read(place, std::move(stop));
}

void EstatePlaces::write(const model::Place& place, std::string_view bytes, std::stop_token stop) {
    if (const auto server = estate_.servers.find(place.owner); server != estate_.servers.end())
        return write_server_file(sessions_.server(server->second, stop), place.path, bytes, stop);
    const auto storage = estate_.storages.find(place.owner);
    if (storage != estate_.storages.end() && storage->second.kind == model::Storage::Kind::storage_box)
        return write_box_file(sessions_.storage(storage->second, stop), place.path, bytes, stop);
    local_.write(place, bytes, std::move(stop));
}

}  // namespace kavi::ops
