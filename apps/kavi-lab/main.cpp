#include "commands.hpp"

#include <kavi/base/error.hpp>

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
    try {
        return kavi::lab::run_command_line(kavi::lab::parse_command_line({argv + 1, argv + argc}));
    } catch (const kavi::Error& error) {
        std::fprintf(stderr, "✘ %s\n", error.message().c_str());
        for (const auto& cause : error.causes()) std::fprintf(stderr, "  because: %s\n", cause.c_str());
        if (!error.advice().empty()) std::fprintf(stderr, "  to do: %s\n", error.advice().c_str());
        return static_cast<int>(error.code().exit);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "✘ %s\n", error.what());
        return 1;
    }
}
