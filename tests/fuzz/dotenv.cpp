// dotenv files: what can be read can be written, and comes back the same; what can't is refused by an Error.
#include <kavi/base/error.hpp>
#include <kavi/model/dotenv.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

using namespace kavi;
using namespace kavi::model;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    try {
        const auto secrets = read_dotenv({reinterpret_cast<const char*>(data), size}, "x");
        const auto written = write_secrets(SecretsForm::dotenv, secrets);
        if (read_dotenv(written.reveal(), "y") != secrets) std::abort();
    } catch (const Error&) {
    }
    return 0;
}
