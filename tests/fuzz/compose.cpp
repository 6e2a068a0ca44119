// Compose files: whatever they hold, they are read to an end, every problem has a place, and a service's
// fingerprint inputs can be named. What is read twice is read alike.
#include <kavi/model/compose.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

using namespace kavi::model;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string text(reinterpret_cast<const char*>(data), size);
    const auto read = [&] {
        Problems problems;
        const auto project = read_compose(
            "p",
            {{"a.yml", text}, {"b.yml", text}},
            [](std::string_view name) {
                const auto later = name.size() % 2 == 0;
                return Variable{later ? Variable::State::later : Variable::State::known, "x"};
            },
            problems);
        std::string all = render_problems(problems.sorted());
        for (const auto& [name, service] : project.services)
            for (const auto& input : fingerprint_inputs(project, name))
                all += input.digest_key() + input.content;
        return all;
    };
    if (read() != read()) std::abort();
    return 0;
}
