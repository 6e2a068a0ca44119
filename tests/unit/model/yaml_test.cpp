#include <kavi/model/problem.hpp>
#include <kavi/model/tree.hpp>

#include <string>

#include <support/catch.hpp>

using namespace kavi::model;

namespace {

struct Read {
    Problems problems;
    Value value;
};

Read read(std::string text) {
    Read result;
    const auto file = result.problems.add_source("x.yml", std::move(text));
    result.value = read_yaml(file, result.problems);
    return result;
}

std::string first_problem(std::string text) {
    const auto problems = read(std::move(text)).problems.sorted();
    if (problems.empty()) return "";
    return problems[0].file + ":" + std::to_string(problems[0].line) + ":" +
           std::to_string(problems[0].column) + ": " + problems[0].message;
}

std::string keys(const Value& table) {
    std::string all;
    for (const auto& member : table.members) all += member.key + "=" + member.value.text + " ";
    return all;
}

}  // namespace

TEST_CASE("YAML merges keys by <<: the table's own win, then earlier ones") {
    const auto result = read(
        "a: &a {x: '1', y: '1'}\n"
        "b: &b {y: '2', z: '2'}\n"
        "one: {<<: *a, x: own}\n"
        "two: {<<: [*a, *b], w: own}\n"
        "three: {x: own, <<: [*b, *a]}\n");
    CHECK(result.problems.sorted().empty());
    CHECK(keys(*result.value.find("one")) == "x=own y=1 ");
    CHECK(keys(*result.value.find("two")) == "w=own x=1 y=1 z=2 ");
    CHECK(keys(*result.value.find("three")) == "x=own y=2 z=2 ");
}

TEST_CASE("a quoted << is a key like another") {
    const auto result = read("a: {\"<<\": x}\n");
    CHECK(first_problem("a: {\"<<\": x}\n") == "");
    CHECK(result.value.find("a")->find("<<") != nullptr);
}

TEST_CASE("YAML's scalars are text as written, but for null") {
    const auto result = read("a: 1.10\nb: \"1.10\"\nc: ~\nd:\ne: 'null'\nf: true\n");
    CHECK(result.value.find("a")->text == "1.10");
    CHECK(result.value.find("a")->plain);
    CHECK_FALSE(result.value.find("b")->plain);
    CHECK(result.value.find("c")->kind == Value::Kind::null);
    CHECK(result.value.find("d")->kind == Value::Kind::null);
    CHECK(result.value.find("e")->text == "null");
    CHECK(result.value.find("f")->text == "true");
}

TEST_CASE("YAML positions count code points from 1, keys and values alike") {
    const auto result = read("\xef\xbb\xbf# première\nä: {ö: \"ü\", z: [x, é y]}\n");
    const auto& member = *result.value.find_member("ä");
    CHECK(member.at.line == 2);
    CHECK(member.at.column == 1);
    const auto& inner = *member.value.find_member("ö");
    CHECK(inner.at.column == 5);
    CHECK(inner.value.at.column == 8);
    CHECK(inner.value.at.width == 3);
    CHECK(member.value.find("z")->items[1].at.column == 20);
    CHECK(member.value.find("z")->items[1].at.width == 3);
}

TEST_CASE("YAML that can't be read says where and why") {
    CHECK(first_problem("a: 1\na: 2\n") == "x.yml:2:1: \"a\" stands here a second time");
    CHECK(first_problem("a: 1\n---\nb: 2\n") == "x.yml:2:1: a second YAML document starts here");
    CHECK(first_problem("a: !reset null\n") == "x.yml:1:4: the YAML tag !reset isn't read here");
    CHECK(first_problem("a: *b\n") == "x.yml:1:4: this alias names no anchor above it");
    CHECK(first_problem("? [a]\n: b\n") == "x.yml:1:3: a key must be a text");
    CHECK(first_problem("a: {<<: b}\n") == "x.yml:1:9: \"<<\" takes a mapping, or a list of them");
    CHECK(first_problem("a: [b\nc: d\n").find("x.yml:") == 0);
    CHECK(first_problem("a: &x [*x]\n") == "x.yml:1:8: an alias stands inside what it names");
    CHECK(first_problem(std::string("a: b\0c", 6)) == "x.yml:0:0: the file holds a NUL byte");
    CHECK(first_problem(std::string(2 << 20, ' ')) == "x.yml:0:0: the file is larger than 1 MiB");
}

TEST_CASE("aliases that grow beyond measure and deep nesting are refused, fast") {
    std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
    for (int i = 1; i < 12; ++i) {
        const auto before = "*a" + std::to_string(i - 1);
        bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
        for (int k = 0; k < 9; ++k) bomb += ", " + before;
        bomb += "]\n";
    }
    CHECK(first_problem(bomb).find("grows beyond measure") != std::string::npos);
    CHECK(first_problem(std::string(100, '[') + std::string(100, ']')).find("nested too deeply") !=
          std::string::npos);
    CHECK(first_problem(std::string(100'000, '[')).find("x.yml:1:") == 0);
    std::string chain = "a0: &a0 [x]\n";
    for (int i = 1; i < 80; ++i)
        chain +=
            "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [*a" + std::to_string(i - 1) + "]\n";
    CHECK(first_problem(chain).find("nested too deeply") != std::string::npos);
}

TEST_CASE("an empty YAML file is an empty table") {
    CHECK(read("").value.kind == Value::Kind::table);
    CHECK(read("# nothing\n").value.members.empty());
}
