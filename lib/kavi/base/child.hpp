#pragma once

#include <kavi/base/process.hpp>

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>

namespace kavi {

/// A local program under way, with pipes on its three standard descriptors: for streams of any size in constant
/// memory. `Command::input` and `timeout` are not used. Standard error is drained meanwhile, its last 64 KiB kept.
/// It is ended with all it started (SIGTERM, 2 s later SIGKILL) and waited for when this goes before finish(); its
/// input stays open until then, so that it never takes half for the whole. One thread at a time may write and one
/// read.
class Child {
  public:
    /// Throws errors::file_unreadable where it can't be started.
    explicit Child(const Command& command, std::stop_token stop = {});
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    /// False: it reads no more (it ended, or closed its input). Throws errors::interrupted.
    bool write(std::string_view bytes);
    void end_input();

    /// Fills the front of `into` and says how much; 0 only at the end of its output. Throws errors::interrupted.
    std::size_t read(std::span<char> into);

    /// Ends its input, throws away what it still writes, waits for its end. 128 + n for signal n. Throws
    /// errors::interrupted.
    int finish();

    std::string errors() const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace kavi
