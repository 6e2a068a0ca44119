#include "parse.hpp"

#include "words.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>

// The one file that includes CLI11: it costs seconds to compile, and nobody else needs to know it.
#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace kavi::app {

const Argument* Declared::find(std::string_view flag) const {
    const auto* found = own.find(flag);
    return found != nullptr ? found : global.find(flag);
}

std::optional<std::size_t> Declared::plain_before_rest() const {
    const auto list = positionals();
    const auto rest = std::ranges::find_if(list, &Argument::rest);
    if (rest == list.end()) return std::nullopt;
    return static_cast<std::size_t>(rest - list.begin());
}

std::vector<const Argument*> Declared::options() const {
    std::vector<const Argument*> result;
    for (const auto* arguments : {&own, &global})
        for (const auto& argument : arguments->all())
            if (!argument.positional()) result.push_back(&argument);
    return result;
}

std::vector<const Argument*> Declared::positionals() const {
    std::vector<const Argument*> result;
    for (const auto& argument : own.all())
        if (argument.positional()) result.push_back(&argument);
    return result;
}

namespace {

std::string help_command(std::string_view command) {
    return command.empty() ? "kavi help" : fmt::format("kavi help {}", command);
}

[[noreturn]] void refuse(std::string message, std::string_view command) {
    Error error(errors::usage, std::move(message));
    throw error.fix(help_command(command));
}

[[noreturn]] void refuse_unknown(const Declared& declared,
                                 const std::string& flag,
                                 std::string_view command) {
    std::vector<std::string> flags;
    for (const auto* option : declared.options()) std::ranges::copy(option->flags, std::back_inserter(flags));
    Error error(errors::usage, fmt::format("unknown option {}", printable(flag)));
    const auto meant = flag.size() > 2 ? nearest(flag, flags) : std::nullopt;
    throw error.fix(meant ? fmt::format("did you mean {}?  ({})", *meant, help_command(command))
                          : help_command(command));
}

/// What CLI11 would let pass: unknown flags, and a flag taken for another option's value.
void check(const Declared& declared, std::span<const Word> words, std::string_view command) {
    for (const auto& word : words) {
        if (!word.unknown.empty()) refuse_unknown(declared, word.unknown, command);
        if (word.kind == Word::Kind::option && word.argument->takes_value() && word.text.ends_with('='))
            refuse(fmt::format("{} is empty", word.argument->name()), command);
        if (word.kind == Word::Kind::value && word.text.size() > 1 && word.text.starts_with('-'))
            refuse(fmt::format("{} needs a value, and {} looks like an option; write {}={} if it is meant",
                               word.argument->name(),
                               printable(word.text),
                               word.argument->name(),
                               printable(word.text)),
                   command);
    }
    if (!words.empty() && words.back().wants_value)
        refuse(
            fmt::format("{} needs a value: {}", words.back().argument->name(), words.back().argument->value),
            command);
}

void check_choice(const Argument& option, const std::string& value) {
    if (option.choices.empty() || std::ranges::find(option.choices, value) != option.choices.end()) return;
    Error error(errors::usage, fmt::format("{} can't be '{}'", option.name(), printable(value)));
    const auto meant = nearest(value, option.choices);
    throw error.fix(meant
                        ? fmt::format("did you mean {}? It is one of: {}", *meant, join(option.choices, ", "))
                        : fmt::format("it is one of: {}", join(option.choices, ", ")));
}

void store(const Argument& option, const std::vector<std::string>& values) {
    for (const auto& value : values) check_choice(option, value);
    if (values.size() > 1 && !option.many)
        throw Error(errors::usage, fmt::format("{} is given more than once", option.name()));
    option.store(values);
}

/// One CLI11 app for one command line: the command's words are gone, what is left are options and plain
/// words.
class Parser {
  public:
    explicit Parser(const Declared& declared) {
        app_.set_help_flag();
        app_.add_option("words", plain_);
        for (const auto* option : declared.options()) add(*option);
    }

    Parsed parse(std::vector<std::string> words, std::string_view command) {
        std::ranges::reverse(words);  // CLI11 takes them from the end
        try {
            app_.parse(std::move(words));
        } catch (const CLI::ParseError& problem) {
            refuse(fmt::format("can't make sense of the options ({})", printable(problem.what())), command);
        }
        Parsed parsed;
        for (const auto& [option, bound] : bound_) {
            if (bound->count() == 0) continue;
            store(*option, bound->results());
            parsed.given.insert(option);
        }
        parsed.positionals = std::move(plain_);
        return parsed;
    }

  private:
    void add(const Argument& option) {
        const auto flags = join(option.flags, ",");
        CLI::Option* bound = nullptr;
        if (option.takes_value()) {
            bound = app_.add_option(flags, values_.emplace_back());
            bound->type_size(1)->expected(1)->allow_extra_args(false);
            bound->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        } else {
            bound = app_.add_flag(flags);
            bound->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
        }
        bound_.emplace_back(&option, bound);
    }

    CLI::App app_;
    std::vector<std::string> plain_;
    std::deque<std::vector<std::string>> values_;
    std::vector<std::pair<const Argument*, CLI::Option*>> bound_;
};

}  // namespace

Parsed parse_options(const Declared& declared, std::span<const std::string> words, std::string_view command) {
    const auto find = [&](std::string_view flag) { return declared.find(flag); };
    const auto classified = classify(words, find, declared.plain_before_rest());
    check(declared, classified, command);
    std::vector<std::string> head, literal;
    for (const auto& word : classified) {
        if (word.kind == Word::Kind::literal)
            literal.push_back(word.text);
        else if (word.kind != Word::Kind::end)
            head.push_back(word.text);
    }
    auto parsed = Parser(declared).parse(std::move(head), command);
    std::ranges::copy(literal, std::back_inserter(parsed.positionals));
    return parsed;
}

void take_from_environment(const Declared& declared, const Parsed& parsed, const Environment& environment) {
    for (const auto* option : declared.options()) {
        if (option->variable.empty() || parsed.given.contains(option)) continue;
        const auto value = environment.find(option->variable);
        if (!value) continue;
        try {
            if (option->takes_value())
                store(*option, {*value});
            else
                option->store({environment.is_on(option->variable) ? "true" : "false"});
        } catch (Error& error) {
            throw error.while_doing(
                fmt::format("the environment variable {} can't be used", option->variable));
        }
    }
}

void store_positionals(const Declared& declared, const Parsed& parsed, std::string_view command) {
    std::span<const std::string> words = parsed.positionals;
    for (const auto* argument : declared.positionals()) {
        const auto count = argument->many ? words.size() : std::min<std::size_t>(words.size(), 1);
        if (count == 0 && argument->required) refuse(fmt::format("{} is missing", argument->name()), command);
        if (count > 0) {
            const std::vector<std::string> values(words.begin(),
                                                  words.begin() + static_cast<std::ptrdiff_t>(count));
            if (argument->rest)
                argument->store(values);
            else {
                for (const auto& value : values) check_choice(*argument, value);
                argument->store(values);
            }
        }
        words = words.subspan(count);
    }
    if (!words.empty()) refuse(fmt::format("unexpected argument '{}'", printable(words.front())), command);
}

}  // namespace kavi::app
