#include "addresses.hpp"

#include <fmt/format.h>

namespace kavi::lab {

std::string Addresses::subnet() const {
    return fmt::format("10.213.{}.0/24", subnet_);
}

std::string Addresses::host(int number) const {
    return fmt::format("10.213.{}.{}", subnet_, number);
}

std::string Addresses::for_public(const std::string& ipv4) {
    if (ipv4.empty()) return host(next_++);
    auto& address = by_public_[ipv4];
    if (address.empty()) {
        address = host(next_++);
        publics_.push_back(ipv4);
    }
    return address;
}

}  // namespace kavi::lab
