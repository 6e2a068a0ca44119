#pragma once

#include "render/style.hpp"

#include <kavi/base/error.hpp>
#include <kavi/base/secret.hpp>

#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace kavi::app {

/// Where bytes go: a file descriptor, or a string in a test.
class Sink {
  public:
    virtual ~Sink() = default;
    virtual void write(std::string_view bytes) = 0;
};

/// Writes to a file descriptor. A reader that has gone is no failure; anything else is remembered.
class FileSink final : public Sink {
  public:
    explicit FileSink(int fd) : fd_(fd) {}

    void write(std::string_view bytes) override;

    /// Why bytes were lost ("No space left on device"), or nothing.
    const std::string& failure() const noexcept { return failure_; }

  private:
    int fd_;
    bool reader_gone_ = false;
    std::string failure_;
};

class StringSink final : public Sink {
  public:
    void write(std::string_view bytes) override { text += bytes; }

    std::string text;
};

/// A stream and the facts about it that are asked once.
struct Stream {
    Sink& sink;
    bool terminal = false;
    int width = 80;
    bool colour = false;
};

enum class CiKind { none, github, gitlab };

/// What the person wants to hear.
struct Voice {
    bool json = false;         ///< standard output is one JSON document
    bool json_events = false;  ///< standard output is JSON lines
    bool quiet = false;
    int verbose = 0;
    CiKind ci = CiKind::none;
};

/// Standard output is data, standard error is talk.
class Output {
  public:
    Output(Stream out, Stream err, Voice voice) : out_(out), err_(err), voice_(voice) {}

    const Voice& voice() const noexcept { return voice_; }

    const Stream& out() const noexcept { return out_; }

    const Stream& err() const noexcept { return err_; }

    /// Bytes for standard output, as they are.
    void data(std::string_view bytes) { out_.sink.write(bytes); }

    /// A line of talk; nothing when quiet.
    void talk(std::string_view line);

    /// A line of talk that only --verbose wants.
    void detail(std::string_view line);

    /// Something that isn't right but stops nothing; said even when quiet.
    void warn(std::string_view line);

    /// What failed, why, and what to do.
    void error(const Error& error);

    /// Keeps a secret out of a CI system's log, where that system can be told (GitHub).
    void mask(const Secret& secret);

  private:
    Stream out_, err_;
    Voice voice_;
};

/// Asks the person. Without a terminal nobody can be asked.
class Prompt {
  public:
    virtual ~Prompt() = default;
    virtual bool can_ask() const = 0;
    /// The line typed, without its end; nullopt at the end of input. Throws errors::interrupted.
    virtual std::optional<std::string> ask(std::string_view question) = 0;
};

class TerminalPrompt final : public Prompt {
  public:
    TerminalPrompt(int in, int err, std::stop_token stop) : in_(in), err_(err), stop_(std::move(stop)) {}

    bool can_ask() const override;
    std::optional<std::string> ask(std::string_view question) override;

  private:
    int in_, err_;
    std::stop_token stop_;
};

}  // namespace kavi::app
