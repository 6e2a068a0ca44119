#pragma once

#include <kavi/base/json.hpp>
#include <kavi/model/estate_check.hpp>
#include <kavi/model/estate_file.hpp>
#include <kavi/model/problem.hpp>

#include <fmt/format.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

/// What estate_table.cpp describes the estate file with. A type knows how to read a value (saying what is
/// wrong with it), how to show one, and what it is in the JSON schema and the reference page; so the four
/// can't disagree.
namespace kavi::model {

/// "servers.bruno" and "ipv4" → "servers.bruno.ipv4"; keys that aren't bare are quoted, as TOML does.
std::string path_of(std::string_view table, std::string_view key);

/// How messages name the table of a path: '[domains."git.kua.cl"]', "[[records]]"; empty for the file itself.
std::string heading_of(std::string_view path);

/// What reading collects beside the value.
struct Reading {
    Problems& problems;
    Origins origins = {};
    std::vector<NameUse> names = {};
    FlawedTables flawed = {};
};

/// A value to read: where it stands, and where its key does.
struct Node {
    const Value& value;
    std::string path;
    Position key;

    std::string_view name() const;  ///< the last key of the path, for messages
};

/// "port must be a whole number from 1 to 65535, not text".
void refuse_kind(const Node& node, std::string_view wanted, Reading& reading);

/// A table of the reference page.
struct ReferenceTable {
    struct Row {
        std::string key, type, fallback, doc;
        bool required = false;
    };

    std::string heading;
    std::string doc;
    std::vector<Row> rows;
};

class TypeBase {
  public:
    virtual ~TypeBase() = default;
    virtual OrderedJson schema() const = 0;
    /// "an IPv4 address".
    virtual std::string words() const = 0;

    /// Adds the tables below `path` to the reference page.
    virtual void add_tables(const std::string& path,
                            std::string_view doc,
                            std::vector<ReferenceTable>& tables) const {
        static_cast<void>(path), static_cast<void>(doc), static_cast<void>(tables);
    }
};

template <typename T>
class Type : public TypeBase {
  public:
    /// Leaves `target` as it is where the value can't be used.
    virtual void read(const Node& node, T& target, Reading& reading) const = 0;
    /// Null: there is nothing to show.
    virtual OrderedJson show(const T& value) const = 0;
};

template <typename T>
using TypePtr = std::shared_ptr<const Type<T>>;

/// What is done about text that may be a credential.
enum class Caution {
    none,  ///< public by its nature
    look,  ///< refused where it looks like one
    hide,  ///< whatever doesn't fit is never shown: a secret's reference was wanted here
};

/// A form of text with a meaning.
template <typename T>
struct Form {
    std::string words;
    std::string pattern;  ///< for the schema; may be empty
    std::function<std::optional<T>(std::string_view)> parse;
    std::function<std::string(const T&)> write;
    Caution caution = Caution::look;
    NameUse::Kind names = NameUse::Kind::nothing;
    std::function<std::string(const T&)> name = {};  ///< the name that it refers to; empty: none
};

/// False, having said why, where the text is a credential that belongs elsewhere.
bool may_be_shown(const Node& node, Caution caution, Reading& reading);
void refuse_form(const Node& node, std::string_view words, Caution caution, Reading& reading);
OrderedJson text_schema(std::string_view pattern);

template <typename T>
class FormType final : public Type<T> {
  public:
    explicit FormType(Form<T> form) : form_(std::move(form)) {}

    void read(const Node& node, T& target, Reading& reading) const override {
        if (node.value.kind != Value::Kind::text) return refuse_kind(node, form_.words, reading);
        auto parsed = form_.parse(node.value.text);
        if (form_.caution == Caution::look && !may_be_shown(node, form_.caution, reading)) return;
        if (!parsed) return refuse_form(node, form_.words, form_.caution, reading);
        if (form_.names != NameUse::Kind::nothing)
            if (auto name = form_.name(*parsed); !name.empty())
                reading.names.push_back({form_.names, std::move(name), node.path, node.value.at});
        target = std::move(*parsed);
    }

    OrderedJson show(const T& value) const override {
        auto text = form_.write(value);
        return text.empty() ? OrderedJson() : OrderedJson(std::move(text));
    }

    OrderedJson schema() const override { return text_schema(form_.pattern); }

    std::string words() const override { return form_.words; }

  private:
    Form<T> form_;
};

class WholeType final : public Type<int> {
  public:
    WholeType(int least, int most) : least_(least), most_(most) {}

    void read(const Node& node, int& target, Reading& reading) const override;

    OrderedJson show(const int& value) const override { return value; }

    OrderedJson schema() const override;
    std::string words() const override;

  private:
    int least_, most_;
};

class NumberType final : public Type<double> {
  public:
    void read(const Node& node, double& target, Reading& reading) const override;

    OrderedJson show(const double& value) const override { return value; }

    OrderedJson schema() const override { return {{"type", "number"}, {"minimum", 0}}; }

    std::string words() const override { return "a number"; }
};

class SwitchType final : public Type<bool> {
  public:
    void read(const Node& node, bool& target, Reading& reading) const override;

    OrderedJson show(const bool& value) const override { return value; }

    OrderedJson schema() const override { return {{"type", "boolean"}}; }

    std::string words() const override { return "true or false"; }
};

void refuse_choice(const Node& node, const std::vector<std::string>& choices, Reading& reading);
std::string choices_in_words(const std::vector<std::string>& choices);

template <typename E>
class ChoiceType final : public Type<E> {
  public:
    explicit ChoiceType(std::vector<std::pair<std::string, E>> choices) : choices_(std::move(choices)) {}

    void read(const Node& node, E& target, Reading& reading) const override {
        if (node.value.kind != Value::Kind::text) return refuse_kind(node, words(), reading);
        for (const auto& [text, value] : choices_)
            if (text == node.value.text) {
                target = value;
                return;
            }
        refuse_choice(node, texts(), reading);
    }

    OrderedJson show(const E& shown) const override {
        for (const auto& [text, value] : choices_)
            if (value == shown) return text;
        return {};
    }

    OrderedJson schema() const override { return {{"enum", texts()}}; }

    std::string words() const override { return choices_in_words(texts()); }

  private:
    std::vector<std::string> texts() const {
        std::vector<std::string> all;
        for (const auto& choice : choices_) all.push_back(choice.first);
        return all;
    }

    std::vector<std::pair<std::string, E>> choices_;
};

template <typename T>
class OptionalType final : public Type<std::optional<T>> {
  public:
    explicit OptionalType(TypePtr<T> inner) : inner_(std::move(inner)) {}

    void read(const Node& node, std::optional<T>& target, Reading& reading) const override {
        T value{};
        const auto before = reading.problems.count();
        inner_->read(node, value, reading);
        if (reading.problems.count() == before) target = std::move(value);
    }

    OrderedJson show(const std::optional<T>& value) const override {
        return value ? inner_->show(*value) : OrderedJson();
    }

    OrderedJson schema() const override { return inner_->schema(); }

    std::string words() const override { return inner_->words(); }

    void add_tables(const std::string& path,
                    std::string_view doc,
                    std::vector<ReferenceTable>& tables) const override {
        inner_->add_tables(path, doc, tables);
    }

  private:
    TypePtr<T> inner_;
};

/// A list; `single`: one value may stand alone.
template <typename T>
class ListType final : public Type<std::vector<T>> {
  public:
    explicit ListType(TypePtr<T> inner, bool single = false) : inner_(std::move(inner)), single_(single) {}

    void read(const Node& node, std::vector<T>& target, Reading& reading) const override {
        const bool alone = single_ && node.value.kind != Value::Kind::list;
        if (!alone && node.value.kind != Value::Kind::list) return refuse_kind(node, words(), reading);
        target.clear();
        if (alone) return add(node, target, reading);
        for (std::size_t i = 0; i < node.value.items.size(); ++i) {
            const auto& item = node.value.items[i];
            auto path = fmt::format("{}[{}]", node.path, i);
            reading.origins[path] = {item.at, item.at};
            add({item, std::move(path), item.at}, target, reading);
        }
    }

    OrderedJson show(const std::vector<T>& values) const override {
        auto list = OrderedJson::array();
        for (const auto& value : values) list.push_back(inner_->show(value));
        return list.empty() ? OrderedJson() : list;
    }

    OrderedJson schema() const override {
        const OrderedJson list{{"type", "array"}, {"items", inner_->schema()}};
        if (!single_) return list;
        return {{"oneOf", OrderedJson::array({inner_->schema(), list})}};
    }

    std::string words() const override {
        return single_ ? fmt::format("{}, or a list of such", inner_->words())
                       : fmt::format("a list, each {}", inner_->words());
    }

    void add_tables(const std::string& path,
                    std::string_view doc,
                    std::vector<ReferenceTable>& tables) const override {
        inner_->add_tables(path + "[]", doc, tables);
    }

  private:
    void add(const Node& node, std::vector<T>& target, Reading& reading) const {
        T value{};
        const auto before = reading.problems.count();
        inner_->read(node, value, reading);
        if (reading.problems.count() == before || node.value.kind == Value::Kind::table)
            target.push_back(std::move(value));
    }

    TypePtr<T> inner_;
    bool single_;
};

/// Which keys a table of names takes.
struct Keys {
    std::string words;  ///< "a server's name"
    std::string placeholder = "NAME";
    std::string pattern;  ///< for the schema
    std::function<bool(std::string_view)> fits;
    std::vector<std::string> known = {};  ///< not empty: these and no others
};

bool check_key(const Member& member, const Keys& keys, const Node& table, Reading& reading);
OrderedJson map_schema(const Keys& keys, const OrderedJson& inner);

/// A table whose keys are names; `set_name` tells a value its own.
template <typename T>
class MapType final : public Type<std::map<std::string, T>> {
  public:
    using SetName = std::function<void(T&, const std::string&)>;

    MapType(Keys keys, TypePtr<T> inner, SetName set_name = {})
        : keys_(std::move(keys)), inner_(std::move(inner)), set_name_(std::move(set_name)) {}

    void read(const Node& node, std::map<std::string, T>& target, Reading& reading) const override {
        if (node.value.kind != Value::Kind::table) return refuse_kind(node, "a table", reading);
        for (const auto& member : node.value.members) {
            if (!check_key(member, keys_, node, reading)) continue;
            const auto path = path_of(node.path, member.key);
            reading.origins[path] = {member.at, member.value.at};
            T value{};
            if (set_name_) set_name_(value, member.key);
            inner_->read({member.value, path, member.at}, value, reading);
            target.insert_or_assign(member.key, std::move(value));
        }
    }

    OrderedJson show(const std::map<std::string, T>& values) const override {
        auto table = OrderedJson::object();
        for (const auto& [key, value] : values) {
            auto shown = inner_->show(value);
            table[key] = shown.is_null() ? OrderedJson::object() : std::move(shown);
        }
        return table.empty() ? OrderedJson() : table;
    }

    OrderedJson schema() const override { return map_schema(keys_, inner_->schema()); }

    std::string words() const override {
        if (keys_.known.empty()) return fmt::format("a table: {} = {}", keys_.words, inner_->words());
        return fmt::format("a table of {}, each {}", fmt::join(keys_.known, ", "), inner_->words());
    }

    void add_tables(const std::string& path,
                    std::string_view doc,
                    std::vector<ReferenceTable>& tables) const override {
        inner_->add_tables(
            fmt::format("{}{}{}", path, path.empty() ? "" : ".", keys_.placeholder), doc, tables);
    }

  private:
    Keys keys_;
    TypePtr<T> inner_;
    SetName set_name_;
};

/// One key of a table whose values lie in an Owner.
template <typename Owner>
struct Field {
    std::string_view key;
    std::string_view doc;
    bool required = false;
    std::string_view fallback = {};  ///< in words, where it isn't the struct's own default
    std::shared_ptr<const TypeBase> type = {};
    std::function<void(const Node&, Owner&, Reading&)> read = {};
    std::function<OrderedJson(const Owner&)> show = {};
    std::function<OrderedJson(const Owner&)> shows_default = show;  ///< as show, whatever else the Owner says
    /// Keys of the same Owner below this one, as in images = { keep = 2 }.
    bool inner_table = false;

    Field must() && {
        required = true;
        return std::move(*this);
    }

    /// Where it means nothing it isn't shown either.
    template <typename Applies>
    Field shown_if(Applies applies) && {
        show = [applies, always = shows_default](const Owner& owner) {
            return applies(owner) ? always(owner) : OrderedJson();
        };
        return std::move(*this);
    }

    Field otherwise(std::string_view words) && {
        fallback = words;
        return std::move(*this);
    }
};

void refuse_key(const Member& member,
                const Node& table,
                const std::vector<std::string>& known,
                Reading& reading);
void refuse_missing(const Node& table, std::string_view key, Reading& reading);

template <typename Owner>
class TableType final : public Type<Owner> {
  public:
    /// `finish` fills in what depends on several keys; it is called with the table's node after reading.
    using Finish = std::function<void(const Node&, Owner&)>;

    explicit TableType(std::vector<Field<Owner>> fields, Finish finish = {})
        : fields_(std::move(fields)), finish_(std::move(finish)) {}

    void read(const Node& node, Owner& target, Reading& reading) const override {
        const auto problems_before = reading.problems.count();
        read_fields(node, target, reading);
        if (reading.problems.count() != problems_before) reading.flawed.insert(node.path);
        if (finish_) finish_(node, target);
    }

    OrderedJson show(const Owner& value) const override {
        auto table = OrderedJson::object();
        for (const auto& field : fields_)
            if (auto shown = field.show(value); !shown.is_null())
                table[std::string(field.key)] = std::move(shown);
        return table.empty() ? OrderedJson() : table;
    }

    OrderedJson schema() const override {
        auto properties = OrderedJson::object();
        auto required = OrderedJson::array();
        for (const auto& field : fields_) {
            auto one = field.type->schema();
            one["description"] = field.doc;
            if (auto value = fallback(field); value.is_primitive() && !value.is_null() && !field.required)
                one["default"] = std::move(value);
            properties[std::string(field.key)] = std::move(one);
            if (field.required) required.push_back(field.key);
        }
        OrderedJson schema{{"type", "object"}, {"properties", properties}, {"additionalProperties", false}};
        if (!required.empty()) schema["required"] = std::move(required);
        return schema;
    }

    std::string words() const override { return "a table"; }

    void add_tables(const std::string& path,
                    std::string_view doc,
                    std::vector<ReferenceTable>& tables) const override {
        ReferenceTable table{.heading = heading_of(path), .doc = std::string(doc)};
        add_rows("", table.rows);
        if (!table.rows.empty()) tables.push_back(std::move(table));
        for (const auto& field : fields_)
            if (!field.inner_table) field.type->add_tables(path_of(path, field.key), field.doc, tables);
    }

    /// A row for each key that isn't a table of its own.
    void add_rows(std::string_view prefix, std::vector<ReferenceTable::Row>& rows) const {
        for (const auto& field : fields_) {
            const auto key = fmt::format("{}{}", prefix, field.key);
            if (field.inner_table) {
                dynamic_cast<const TableType&>(*field.type).add_rows(key + ".", rows);
                continue;
            }
            std::vector<ReferenceTable> own;
            field.type->add_tables("", "", own);
            if (!own.empty()) continue;
            const auto value = fallback(field);
            auto shown = !field.fallback.empty()             ? std::string(field.fallback)
                         : value.is_null() || field.required ? std::string()
                                                             : fmt::format("`{}`", value.dump());
            rows.push_back(
                {key, field.type->words(), std::move(shown), std::string(field.doc), field.required});
        }
    }

  private:
    void read_fields(const Node& node, Owner& target, Reading& reading) const {
        if (node.value.kind != Value::Kind::table) return refuse_kind(node, "a table", reading);
        for (const auto& member : node.value.members) {
            const auto* field = find(member.key);
            if (field == nullptr) {
                refuse_key(member, node, keys(), reading);
                continue;
            }
            const auto path = path_of(node.path, member.key);
            reading.origins[path] = {member.at, member.value.at};
            field->read({member.value, path, member.at}, target, reading);
        }
        for (const auto& field : fields_)
            if (field.required && node.value.find(field.key) == nullptr)
                refuse_missing(node, field.key, reading);
    }

    const Field<Owner>* find(std::string_view key) const {
        for (const auto& field : fields_)
            if (field.key == key) return &field;
        return nullptr;
    }

    std::vector<std::string> keys() const {
        std::vector<std::string> all;
        for (const auto& field : fields_) all.emplace_back(field.key);
        return all;
    }

    /// What the struct says by itself; null where the default is in words or isn't there.
    static OrderedJson fallback(const Field<Owner>& field) {
        return field.fallback.empty() ? field.shows_default(Owner{}) : OrderedJson();
    }

    std::vector<Field<Owner>> fields_;
    Finish finish_;
};

template <typename Owner, typename Member>
Field<Owner> field(std::string_view key, Member Owner::*member, TypePtr<Member> type, std::string_view doc) {
    return {.key = key,
            .doc = doc,
            .type = type,
            .read = [type, member](const Node& node,
                                   Owner& owner,
                                   Reading& reading) { type->read(node, owner.*member, reading); },
            .show = [type, member](const Owner& owner) { return type->show(owner.*member); }};
}

template <typename Owner, typename Member>
Field<Owner> field(std::string_view key,
                   std::optional<Member> Owner::*member,
                   TypePtr<Member> type,
                   std::string_view doc) {
    const TypePtr<std::optional<Member>> optional = std::make_shared<OptionalType<Member>>(std::move(type));
    return field(key, member, optional, doc);
}

/// images = { keep = 2 } for a member of the Owner itself.
template <typename Owner>
Field<Owner> group(std::string_view key, std::vector<Field<Owner>> fields, std::string_view doc) {
    const TypePtr<Owner> type = std::make_shared<TableType<Owner>>(std::move(fields));
    return {
        .key = key,
        .doc = doc,
        .type = type,
        .read = [type](
                    const Node& node, Owner& owner, Reading& reading) { type->read(node, owner, reading); },
        .show = [type](const Owner& owner) { return type->show(owner); },
        .inner_table = true};
}

}  // namespace kavi::model
