#include <kavi/base/error_codes.hpp>
#include <kavi/net/ssh_channel.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <utility>

namespace kavi::net {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kept_errors = 64 * 1024;
constexpr std::size_t write_size = 128 * 1024;
/// How far the server may send ahead, and after how many bytes that is said again: 3 MiB are under way at
/// least, which fills 1 Gbit/s at 20 ms. libssh 0.10 alone allows 0.6 to 1.3 MB.
constexpr std::uint32_t window_size = 4 << 20;
constexpr std::uint64_t widen_every = 1 << 20;
constexpr milliseconds open_limit = std::chrono::seconds(30);
/// TCP itself notices a dead line (ssh_socket.hpp); this is for a living one whose other end takes nothing.
constexpr milliseconds write_limit = std::chrono::minutes(10);

/// Called by libssh (C): nothing may be thrown. Out of memory, bytes are left there, and the window runs dry.
int take_data(ssh_session, ssh_channel, void* data, std::uint32_t size, int is_errors, void* self) noexcept
    try {
    auto& received = *static_cast<Received*>(self);
    (is_errors ? received.errors : received.output).append(static_cast<const char*>(data), size);
    received.bytes += size;
    if (received.errors.size() > 2 * kept_errors)
        received.errors.erase(0, received.errors.size() - kept_errors);
    return static_cast<int>(size);

} catch (const std::bad_alloc&) {
    return 0;
}

}  // namespace

Received::Received() {
    callbacks.userdata = this;
    callbacks.channel_data_function = &take_data;
    callbacks.channel_exit_status_function = [](ssh_session, ssh_channel, int code, void* self) {
        static_cast<Received*>(self)->status = code;
    };
    callbacks.channel_exit_signal_function =
        [](ssh_session, ssh_channel, const char* name, int, const char*, const char*, void* self) {
            static_cast<Received*>(self)->signal = name ? name : "unknown";
        };
    callbacks.channel_close_function = [](ssh_session, ssh_channel, void* self) {
        static_cast<Received*>(self)->closed = true;
    };
    ssh_callbacks_init(&callbacks);
}

LibsshChannel::~LibsshChannel() {
    if (channel_) ssh_remove_channel_callbacks(channel_.get(), &received_.callbacks);
}

void LibsshChannel::open(bool others_before, std::stop_token stop) {
    for (int attempt = 1; !try_open(stop); ++attempt) {
        if (!others_before || attempt == 10 || !ssh_is_connected(line_.session()))
            throw line_.broken("no channel was opened");
        pump(milliseconds(50));
    }
    ssh_add_channel_callbacks(channel_.get(), &received_.callbacks);
}

void LibsshChannel::start_command(std::string_view command, std::stop_token stop) {
    const std::string terminated(command);
    const int result =
        line_.finish([&] { return ssh_channel_request_exec(channel_.get(), terminated.c_str()); },
                     SSH_AGAIN,
                     open_limit,
                     "the start of the command",
                     stop);
    if (result != SSH_OK) throw line_.broken("the server doesn't run the command");
}

void LibsshChannel::start_subsystem(std::string_view name, std::stop_token stop) {
    const std::string terminated(name);
    const int result =
        line_.finish([&] { return ssh_channel_request_subsystem(channel_.get(), terminated.c_str()); },
                     SSH_AGAIN,
                     open_limit,
                     "the start of a subsystem",
                     stop);
    if (result == SSH_OK) return;
    if (!ssh_is_connected(line_.session())) throw line_.broken("the connection broke");
    throw Error(errors::remote_failed, fmt::format("{} offers no {}", line_.target().name, name));
}

bool LibsshChannel::try_open(std::stop_token stop) {
    channel_.reset(ssh_channel_new(line_.session()));
    if (!channel_) throw std::bad_alloc();
    return line_.finish([&] { return ssh_channel_open_session(channel_.get()); },
                        SSH_AGAIN,
                        open_limit,
                        "the opening of a channel",
                        std::move(stop)) == SSH_OK;
}

void LibsshChannel::write(std::string_view bytes, std::stop_token stop) {
    auto deadline = steady_clock::now() + write_limit;
    while (!bytes.empty()) {
        if (received_.closed) throw line_.unreachable("the command ended before it had all its input");
        const bool sent = offer(bytes);
        if (wait(sent ? milliseconds(0) : ssh_wait_slice, deadline, stop) | sent)
            deadline = steady_clock::now() + write_limit;
    }
}

void LibsshChannel::end_input() {
    if (std::exchange(input_ended_, true) || received_.closed) return;
    if (ssh_channel_send_eof(channel_.get()) == SSH_ERROR && !received_.closed)
        throw line_.broken("the connection broke");
}

std::optional<std::string> LibsshChannel::read(std::stop_token stop, milliseconds idle) {
    auto deadline = steady_clock::now() + idle;
    while (received_.output.empty() && !received_.closed)
        if (wait(ssh_wait_slice, deadline, stop)) deadline = steady_clock::now() + idle;
    if (!received_.output.empty()) return std::exchange(received_.output, {});
    ssh_channel_close(channel_.get());  // frees its place on the server now, not when this goes
    return {};
}

std::string LibsshChannel::errors() const {
    const auto& all = received_.errors;
    return all.substr(all.size() - std::min(all.size(), kept_errors));
}

int LibsshChannel::status() {
    return received_.signal.empty() ? received_.status : -1;
}

ExecResult LibsshChannel::run(std::string_view input,
                              const std::function<void(std::string_view)>& on_output,
                              std::stop_token stop,
                              milliseconds idle) {
    auto deadline = steady_clock::now() + idle;
    while (true) {
        if (on_output && !received_.output.empty()) on_output(std::exchange(received_.output, {}));
        if (received_.closed) break;
        const bool sent = offer(input);
        if (input.empty()) end_input();
        if (wait(sent ? milliseconds(0) : ssh_wait_slice, deadline, stop) | sent)
            deadline = steady_clock::now() + idle;
    }
    return {.status = status(),
            .output = std::move(received_.output),
            .errors = errors(),
            .signal = received_.signal};
}

bool LibsshChannel::offer(std::string_view& bytes) {
    const std::size_t window = ssh_channel_window_size(channel_.get());
    const auto size = std::min({bytes.size(), window, write_size});
    if (size == 0) return false;
    const int count = ssh_channel_write(channel_.get(), bytes.data(), static_cast<std::uint32_t>(size));
    if (count == SSH_ERROR && !received_.closed) throw line_.broken("the connection broke");
    if (count > 0) bytes.remove_prefix(static_cast<std::size_t>(count));
    return count > 0;
}

bool LibsshChannel::wait(milliseconds slice, steady_clock::time_point deadline, const std::stop_token& stop) {
    if (received_.closed) return false;
    if (stop.stop_requested()) throw Error(errors::interrupted, "interrupted");
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
    if (left.count() <= 0) throw line_.unreachable("it has been silent for too long");
    const auto before = received_.bytes;
    pump(std::min(left, slice));
    widen();
    if (!ssh_is_connected(line_.session()) && !received_.closed) throw line_.broken("the connection broke");
    return received_.bytes > before;
}

/// Asking for more than the window holds makes libssh widen it. Nothing is read: the callback has taken all.
void LibsshChannel::widen() {
    if (received_.bytes - widened_at_ < widen_every || received_.closed) return;
    widened_at_ = received_.bytes;
    if (!room_) room_ = std::make_unique_for_overwrite<char[]>(window_size);
    ssh_channel_read_timeout(channel_.get(), room_.get(), window_size, 0, 0);
}

void LibsshChannel::pump(milliseconds limit) {
    if (ssh_event_dopoll(event_, static_cast<int>(limit.count())) == SSH_ERROR && !received_.closed)
        throw line_.broken("the connection broke");
}

}  // namespace kavi::net
