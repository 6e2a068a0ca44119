#pragma once

#include <kavi/base/error.hpp>
#include <kavi/base/text.hpp>

#include <stdexcept>
#include <string>
#include <utility>

namespace kavi::test {

/// The Error that `work` throws; where it throws none the test fails.
template <typename Work>
Error error_of(Work&& work) {
    try {
        std::forward<Work>(work)();
    } catch (const Error& error) {
        return error;
    }
    throw std::logic_error("no error was thrown");
}

/// Its causes in one line.
inline std::string causes(const Error& error) {
    return join(error.causes(), " | ");
}

}  // namespace kavi::test
