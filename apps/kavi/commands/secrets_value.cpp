#include "secrets_value.hpp"

#include <kavi/api/infisical.hpp>
#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <termios.h>
#include <unistd.h>

namespace kavi::app {

namespace {

/// What is typed isn't shown while this lives.
class NoEcho {
  public:
    NoEcho() {
        known_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
        if (!known_) return;
        auto quiet = before_;
        quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
        ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }

    NoEcho(const NoEcho&) = delete;
    NoEcho& operator=(const NoEcho&) = delete;

    ~NoEcho() {
        if (known_) ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
    }

  private:
    termios before_{};
    bool known_ = false;
};

std::string read_standard_input() {
    std::string bytes;
    char buffer[65536];
    while (true) {
        const auto count = ::read(STDIN_FILENO, buffer, sizeof buffer);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0)
            throw Error(errors::file_unreadable, "standard input can't be read")
                .because(std::strerror(errno));
        if (count == 0) return bytes;
        bytes.append(buffer, static_cast<std::size_t>(count));
    }
}

std::string ask_value(Session& session, std::string_view name) {
    const NoEcho quiet;
    auto value = session.prompt.ask(fmt::format("value of {} (not shown): ", name));
    session.output.talk("");
    return value.value_or("");
}

/// One line without its end; a text of several lines as it is.
Secret value_of(std::string& bytes) {
    if (std::ranges::count(bytes, '\n') == 1 && bytes.ends_with('\n')) bytes.pop_back();
    if (bytes.ends_with('\r') && bytes.find('\n') == std::string::npos) bytes.pop_back();
    return Secret::take(bytes);
}

}  // namespace

Secret read_value(Session& session, const std::optional<std::string>& file, std::string_view name) {
    auto bytes = file && *file != "-"       ? read_file(*file)
                 : session.prompt.can_ask() ? ask_value(session, name)
                                            : read_standard_input();
    auto value = value_of(bytes);
    if (value.empty())
        throw Error(errors::usage, fmt::format("there is no value for {}", name))
            .fix(
                "hand it in on standard input or with --from-file FILE; 'kavi secrets unset' deletes a "
                "secret");
    return value;
}

model::SecretRef named_secret(std::string_view text, std::string_view path, bool sealed) {
    using Source = model::SecretRef::Source;
    if (auto ref = model::SecretRef::parse(text)) return *ref;
    const auto slash = text.rfind('/');
    const auto name = slash == std::string_view::npos ? text : text.substr(slash + 1);
    if (name.empty() || text.find(':') != std::string_view::npos)
        throw Error(errors::usage, fmt::format("'{}' names no secret", printable(text)))
            .fix("write NAME, /folder/NAME or sealed:/NAME");
    if (slash != std::string_view::npos)
        return {Source::secret, api::normal_folder(text.substr(0, slash)), std::string(name)};
    if (sealed) return {Source::sealed, "/", std::string(name)};
    return {Source::secret, api::normal_folder(path), std::string(name)};
}

}  // namespace kavi::app
