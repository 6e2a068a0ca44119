#include <kavi/model/problem.hpp>
#include <kavi/model/tree.hpp>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <utility>
#include <vector>

namespace kavi::model {

namespace {

constexpr std::size_t max_bytes = 1 << 20;
constexpr std::size_t max_values = 100'000;  ///< with every alias counted as what it stands for
constexpr int max_depth = 64;

/// Ends the reading: the problem has been added.
struct GiveUp {};

std::size_t code_points(std::string_view text) {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

/// yaml-cpp counts columns in bytes, from 0, behind a byte order mark.
class Places {
  public:
    Places(int file, std::string_view text) : file_(file), text_(text) {
        if (text_.starts_with("\xef\xbb\xbf")) text_.remove_prefix(3);
        starts_.push_back(0);
        for (std::size_t i = 0; i < text_.size(); ++i)
            if (text_[i] == '\n') starts_.push_back(i + 1);
    }

    Position at(const YAML::Mark& mark, std::size_t width) const {
        if (mark.line < 0) return {.file = file_, .line = 1, .column = 1};
        const auto line = std::min(static_cast<std::size_t>(mark.line), starts_.size() - 1);
        const auto rest = text_.substr(starts_[line]);
        const auto before = rest.substr(0, static_cast<std::size_t>(std::max(mark.column, 0)));
        return {.file = file_,
                .line = static_cast<int>(line) + 1,
                .column = static_cast<int>(code_points(before)) + 1,
                .width = static_cast<int>(std::max<std::size_t>(width, 1))};
    }

  private:
    int file_;
    std::string_view text_;
    std::vector<std::size_t> starts_;
};

std::size_t shown_width(std::string_view text, bool quoted) {
    return code_points(text.substr(0, text.find('\n'))) + (quoted ? 2 : 0);
}

/// An anchored value, and what it costs to stand in for it.
struct Anchored {
    Value value;
    std::size_t values = 1;
    int depth = 1;
};

/// A list or table that is being read.
struct Open {
    Value value;
    YAML::anchor_t anchor = 0;
    std::size_t values = 1;
    int depth = 1;               ///< of what is inside, itself included
    bool has_key = false;        ///< table: a key was read, its value comes next
    bool merging = false;        ///< that key is "<<"
    Member member;               ///< the one under way
    std::set<std::string> keys;  ///< seen so far
    std::vector<Value> merged;   ///< of "<<", in order
};

class Builder final : public YAML::EventHandler {
  public:
    Builder(const Places& places, Problems& problems) : places_(places), problems_(problems) {}

    Value result() { return std::move(root_); }

    void OnDocumentStart(const YAML::Mark& mark) override {
        if (documents_++ > 0)
            give_up(places_.at(mark, 3), "a second YAML document starts here", "one file, one document");
    }

    void OnDocumentEnd() override {}

    void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        add({.kind = Value::Kind::null, .at = places_.at(mark, 1)}, anchor, 1, 1);
    }

    void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
        const auto found = anchors_.find(anchor);
        if (found == anchors_.end()) give_up(places_.at(mark, 1), "an alias stands inside what it names");
        add(found->second.value, 0, found->second.values, found->second.depth);
    }

    void OnScalar(const YAML::Mark& mark,
                  const std::string& tag,
                  YAML::anchor_t anchor,
                  const std::string& text) override {
        const bool plain = tag == "?";
        const auto at = places_.at(mark, shown_width(text, !plain));
        check_tag(tag, at);
        add({.kind = Value::Kind::text, .at = at, .text = text, .plain = plain}, anchor, 1, 1);
    }

    void OnSequenceStart(const YAML::Mark& mark,
                         const std::string& tag,
                         YAML::anchor_t anchor,
                         YAML::EmitterStyle::value) override {
        open(Value::Kind::list, mark, tag, anchor);
    }

    void OnMapStart(const YAML::Mark& mark,
                    const std::string& tag,
                    YAML::anchor_t anchor,
                    YAML::EmitterStyle::value) override {
        open(Value::Kind::table, mark, tag, anchor);
    }

    void OnSequenceEnd() override { close(); }

    void OnMapEnd() override {
        for (const auto& merged : stack_.back().merged) merge_into(stack_.back().value, merged);
        close();
    }

  private:
    [[noreturn]] void give_up(const Position& at, std::string message, std::string hint = {}) {
        problems_.error(at, std::move(message), std::move(hint));
        throw GiveUp{};
    }

    void check_tag(const std::string& tag, const Position& at) {
        if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:")) return;
        problems_.error(
            at, fmt::format("the YAML tag {} isn't read here", tag), "write the value without it");
    }

    void open(Value::Kind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
        const auto at = places_.at(mark, 1);
        check_tag(tag, at);
        if (static_cast<int>(stack_.size()) >= max_depth) give_up(at, "this is nested too deeply");
        if (!stack_.empty() && awaits_key()) give_up(at, "a key must be a text");
        stack_.push_back({.value = {.kind = kind, .at = at}, .anchor = anchor});
    }

    bool awaits_key() const {
        return stack_.back().value.kind == Value::Kind::table && !stack_.back().has_key;
    }

    void close() {
        auto done = std::move(stack_.back());
        stack_.pop_back();
        add(std::move(done.value), done.anchor, done.values, done.depth);
    }

    void add(Value value, YAML::anchor_t anchor, std::size_t values, int depth) {
        total_ += values;
        if (total_ > max_values)
            give_up(value.at, "this file grows beyond measure once its aliases are resolved");
        if (static_cast<int>(stack_.size()) + depth > max_depth)
            give_up(value.at, "this is nested too deeply");
        if (anchor != 0) anchors_[anchor] = {value, values, depth};
        if (stack_.empty())
            root_ = std::move(value);
        else if (awaits_key())
            add_key(std::move(value));
        else
            add_inside(std::move(value), values, depth);
    }

    void add_key(Value key) {
        if (key.kind != Value::Kind::text) give_up(key.at, "a key must be a text");
        auto& table = stack_.back();
        table.has_key = true;
        table.member = {.key = key.text, .at = key.at, .value = {}};
        table.merging = key.text == "<<" && key.plain;
        if (!table.merging && !table.keys.insert(key.text).second)
            problems_.error(key.at, fmt::format("\"{}\" stands here a second time", key.text));
    }

    void add_inside(Value value, std::size_t values, int depth) {
        auto& parent = stack_.back();
        parent.values += values;
        parent.depth = std::max(parent.depth, depth + 1);
        if (parent.value.kind == Value::Kind::list) {
            parent.value.items.push_back(std::move(value));
            return;
        }
        parent.has_key = false;
        if (parent.merging)
            remember_merge(std::move(value));
        else
            put(parent.value, std::move(parent.member), std::move(value));
    }

    static void put(Value& table, Member member, Value value) {
        member.value = std::move(value);
        for (auto& present : table.members)
            if (present.key == member.key) {
                present = std::move(member);
                return;
            }
        table.members.push_back(std::move(member));
    }

    void remember_merge(Value value) {
        auto& merged = stack_.back().merged;
        const auto at = value.at;
        if (value.kind == Value::Kind::table)
            merged.push_back(std::move(value));
        else if (value.kind == Value::Kind::list)
            for (auto& item : value.items) {
                if (item.kind != Value::Kind::table) give_up(item.at, "\"<<\" takes mappings only");
                merged.push_back(std::move(item));
            }
        else
            give_up(at, "\"<<\" takes a mapping, or a list of them");
    }

    /// The table's own members win, and so do earlier merges over later ones.
    static void merge_into(Value& table, const Value& other) {
        for (const auto& member : other.members)
            if (table.find(member.key) == nullptr) table.members.push_back(member);
    }

    const Places& places_;
    Problems& problems_;
    Value root_{.kind = Value::Kind::null};
    std::vector<Open> stack_;
    std::map<YAML::anchor_t, Anchored> anchors_;
    std::size_t total_ = 0;
    int documents_ = 0;
};

/// yaml-cpp's own messages, where a better one is known.
std::string say(const YAML::Exception& exception) {
    const std::string_view text = exception.msg;
    if (text.starts_with("the referenced anchor is not defined"))
        return "this alias names no anchor above it";
    if (text.starts_with("illegal tab")) return "a tab can't indent YAML";
    return fmt::format("this isn't YAML: {}", text);
}

}  // namespace

Value read_yaml(int file, Problems& problems) {
    const auto text = problems.text(file);
    const Value empty{.kind = Value::Kind::table, .at = {.file = file, .line = 1, .column = 1}};
    const auto refuse = [&](std::string why) {
        problems.error({.file = file}, std::move(why));
        return empty;
    };
    if (text.size() > max_bytes) return refuse("the file is larger than 1 MiB");
    if (text.find('\0') != std::string_view::npos) return refuse("the file holds a NUL byte");
    const Places places(file, text);
    Builder builder(places, problems);
    try {
        std::istringstream stream{std::string(text)};
        YAML::Parser parser(stream);
        while (parser.HandleNextDocument(builder)) {
        }
    } catch (const GiveUp&) {
        return empty;
    } catch (const YAML::Exception& exception) {
        problems.error(places.at(exception.mark, 1), say(exception));
        return empty;
    }
    auto value = builder.result();
    return value.kind == Value::Kind::null ? empty : value;
}

}  // namespace kavi::model
