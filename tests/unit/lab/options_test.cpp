#include <kavi/base/error.hpp>

#include <lab/options.hpp>
#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::lab;

TEST_CASE("the lab's options stand before or after the command, with '=' or without") {
    const auto line = parse_command_line({"--dir=/tmp/x",
                                          "run",
                                          "--latency",
                                          "20ms",
                                          "--box-size=1GiB",
                                          "--machines",
                                          "ssh",
                                          "--infisical",
                                          "on-bruno",
                                          "--existing",
                                          "bruno",
                                          "--",
                                          "kavi",
                                          "--dir",
                                          "y"});
    CHECK(line.command == "run");
    CHECK(line.folder == "/tmp/x");
    CHECK(line.options.latency == std::chrono::milliseconds(20));
    CHECK(line.options.box_size == std::uint64_t{1} << 30);
    CHECK(line.options.machines == MachineKind::ssh);
    CHECK(line.options.infisical_on_bruno);
    CHECK(line.options.existing == std::vector<std::string>{"bruno"});
    CHECK(line.words == std::vector<std::string>{"kavi", "--dir", "y"});
}

TEST_CASE("a fault's words are no options") {
    const auto line = parse_command_line({"fault", "add", "api=hetzner", "status=503"});
    CHECK(line.words == std::vector<std::string>{"add", "api=hetzner", "status=503"});
}

TEST_CASE("a command line that makes no sense is refused by the word") {
    struct Case {
        std::vector<std::string> words;
        std::string message;
    };

    const auto c = GENERATE(Case{{}, "a command is missing"},
                            Case{{"upp"}, "there is no command 'upp'"},
                            Case{{"up", "--colour", "x"}, "there is no option '--colour'"},
                            Case{{"up", "--dir"}, "--dir needs a value"},
                            Case{{"up", "--machines", "vm"}, "'vm' is no value for --machines"},
                            Case{{"up", "--latency=20"}, "'20' is no value for --latency"},
                            Case{{"up", "--box-size=1TB"}, "'1TB' is no value for --box-size"},
                            Case{{"seed", "--records", "-1"}, "'-1' is no value for --records"});
    CHECK_THROWS_WITH(parse_command_line(c.words), c.message);
}

TEST_CASE("sizes") {
    CHECK(parse_size("64MiB") == std::uint64_t{64} << 20);
    CHECK(parse_size("10KiB") == 10240);
    CHECK(parse_size("512") == 512);
    const auto text =
        GENERATE(as<std::string>(), "", "MiB", "0", "0MiB", "1.5GiB", "99999999999GiB", "64 MiB", "64mib");
    CAPTURE(text);
    CHECK_FALSE(parse_size(text));
}
