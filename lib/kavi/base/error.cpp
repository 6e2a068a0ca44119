#include <kavi/base/error.hpp>
#include <kavi/base/error_codes.hpp>

namespace kavi {

std::span<const ErrorCode> all_error_codes() {
#define KAVI_ROW(id, name, exit, title) errors::name,
    static constexpr ErrorCode codes[] = {KAVI_ERROR_CODES(KAVI_ROW)};
#undef KAVI_ROW
    return codes;
}

Error::Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

Error& Error::because(std::string cause) {
    causes_.push_back(std::move(cause));
    return *this;
}

Error& Error::fix(std::string advice) {
    advice_ = std::move(advice);
    return *this;
}

Error& Error::while_doing(std::string doing) {
    causes_.insert(causes_.begin(), std::exchange(message_, std::move(doing)));
    return *this;
}

}  // namespace kavi
