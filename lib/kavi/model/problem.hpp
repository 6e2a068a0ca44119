#pragma once

#include <kavi/base/json.hpp>
#include <kavi/model/tree.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::model {

/// Something wrong in a file that a person wrote: where, what, and what would be right.
struct Problem {
    enum class Severity { error, warning } severity = Severity::error;
    std::string file;  ///< as the person named it
    int line = 0;      ///< from 1; 0: it is about the file as a whole
    int column = 0;    ///< from 1, in code points
    int width = 1;     ///< in code points, on this line
    std::string message;
    std::string hint;    ///< stands behind the carets: 'did you mean "proxied"?'; may be empty
    std::string source;  ///< the line, with what looks like a token blotted out
    int source_column = 0;  ///< the column that `source` begins at
};

/// Collects problems, and holds the files they are about.
class Problems {
  public:
    /// Adds a file; its index goes into Position::file. `path` is how messages name it.
    int add_source(std::string path, std::string text);

    std::string_view text(int file) const { return sources_.at(static_cast<std::size_t>(file)).text; }

    const std::string& path(int file) const { return sources_.at(static_cast<std::size_t>(file)).path; }

    void error(const Position& at, std::string message, std::string hint = {});
    void warning(const Position& at, std::string message, std::string hint = {});

    /// As error(), but the value at that place may be a secret: the source line is shown up to it only.
    void error_hiding(const Position& at, std::string message, std::string hint = {});

    bool any_error() const;

    std::size_t count() const { return found_.size(); }

    /// In order of file and line.
    std::vector<Problem> sorted() const;

  private:
    struct Source {
        std::string path;
        std::string text;
        std::vector<std::size_t> line_starts;
    };

    struct Found {
        Position at;
        Problem problem;
    };

    void add(const Position& at, Problem::Severity severity, std::string message, std::string hint);
    std::string_view line_of(const Position& at) const;
    /// Fills in the source line: without its indentation, without what error_hiding() said to hide.
    void show_source(const Position& at, Problem& problem) const;

    std::vector<Source> sources_;
    std::vector<Found> found_;
    std::vector<Position> hidden_;
};

/// The text that `kavi config check` shows: each problem with its line and carets, then how many there are.
/// Empty for none.
std::string render_problems(std::span<const Problem> problems);

/// One of them: its place and message, its line, its carets and hint.
std::string render_problem(const Problem& problem);

/// An array of {severity, file, line, column, message, hint}.
OrderedJson problems_json(std::span<const Problem> problems);

/// 'did you mean "x"?' for the nearest candidate, else empty.
std::string did_you_mean(std::string_view word, std::span<const std::string> candidates);

/// Whether a text looks like a credential (a key's header, a known prefix, or a long mix of letters and
/// digits).
bool looks_like_token(std::string_view text);

}  // namespace kavi::model
