#include <kavi/api/infisical_wire.hpp>
#include <kavi/base/error.hpp>
#include <kavi/secrets/references.hpp>

#include <cstddef>
#include <cstdint>

// What answers where Infisical should be: lists, projects, refusals, and values with references.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace kavi::api;
    const std::string input(reinterpret_cast<const char*>(data), size);
    kavi::net::Response response{.status = 404, .headers = {}, .body = input};
    infisical::error_of(infisical::complaint_of(response), "fuzz", "https://fuzz.test");
    infisical::login_error_of(infisical::complaint_of(response), "https://fuzz.test");
    try {
        auto listing = infisical::listing_of(infisical::body_of(response, "https://fuzz.test"));
        merged(std::move(listing));
    } catch (const kavi::Error&) {
    }
    for (const auto& reference : kavi::secrets::references_in(input))
        if (input.find(reference.text) == std::string::npos) __builtin_trap();
    kavi::secrets::without_quoted_newlines(input);
    if (normal_folder(normal_folder(input)) != normal_folder(input)) __builtin_trap();
    if (stored_form(stored_form(input)) != stored_form(input)) __builtin_trap();
    return 0;
}
