#include "output.hpp"

#include "render/errors.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include <poll.h>
#include <unistd.h>

namespace kavi::app {

void FileSink::write(std::string_view bytes) {
    while (!bytes.empty() && failure_.empty() && !reader_gone_) {
        const auto written = ::write(fd_, bytes.data(), bytes.size());
        if (written >= 0)
            bytes.remove_prefix(static_cast<std::size_t>(written));
        else if (errno == EPIPE)
            reader_gone_ = true;
        else if (errno == EAGAIN) {
            pollfd waiting{.fd = fd_, .events = POLLOUT, .revents = 0};
            ::poll(&waiting, 1, -1);
        } else if (errno != EINTR)
            failure_ = std::strerror(errno);
    }
}

void Output::talk(std::string_view line) {
    if (!voice_.quiet) err_.sink.write(fmt::format("{}\n", line));
}

void Output::detail(std::string_view line) {
    if (voice_.verbose > 0) talk(line);
}

void Output::warn(std::string_view line) {
    err_.sink.write(fmt::format("{} {}\n", paint(Tone::warn, "warning:", err_.colour), printable(line)));
}

void Output::error(const Error& error) {
    err_.sink.write(error_text(error, err_, voice_.ci));
}

void Output::mask(const Secret& secret) {
    if (voice_.ci != CiKind::github) return;
    // A value of several lines is masked line by line; that is all that GitHub knows.
    for (const auto& line : split(secret.reveal(), '\n'))
        if (!trim(line).empty()) err_.sink.write(fmt::format("::add-mask::{}\n", trim(line)));
}

bool TerminalPrompt::can_ask() const {
    return ::isatty(in_) == 1 && ::isatty(err_) == 1;
}

std::optional<std::string> TerminalPrompt::ask(std::string_view question) {
    FileSink(err_).write(question);
    std::string line;
    while (!stop_.stop_requested()) {
        pollfd waiting{.fd = in_, .events = POLLIN, .revents = 0};
        if (::poll(&waiting, 1, 100) <= 0) continue;
        char c = 0;
        const auto got = ::read(in_, &c, 1);
        if (got == 0 && line.empty()) return std::nullopt;
        if (got == 0 || c == '\n') return line;
        if (got == 1) line += c;
    }
    FileSink(err_).write("\n");
    throw Error(errors::interrupted, "interrupted before anything was changed");
}

}  // namespace kavi::app
