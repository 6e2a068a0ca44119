#include "http_client.hpp"
#include "roles.hpp"

#include <csignal>
#include <filesystem>
#include <span>

// The name under which it was started says whom it stands in for.
int main(int count, char** words) {
    // As the first program of a container it has no default reaction to these.
    for (const int signal : {SIGTERM, SIGINT, SIGQUIT}) std::signal(signal, [](int) { std::_Exit(0); });
    std::signal(SIGPIPE, SIG_IGN);
    const auto role = std::filesystem::path(words[0]).filename().string();
    if (role == "curl") return kavi::standin::curl(count, words);
    return kavi::standin::play(role, std::span(words + 1, words + count));
}
