#pragma once

#include <map>
#include <string>
#include <vector>

namespace kavi::lab {

/// Which address of the lab stands for which public one.
class Addresses {
  public:
    explicit Addresses(int subnet) : subnet_(subnet) {}

    std::string subnet() const;

    std::string gateway() const { return host(1); }

    std::string box_front() const { return host(3); }  ///< the relay before the box

    std::string box() const { return host(4); }

    /// The same lab address for the same public one, always; a fresh one where it is new or empty.
    std::string for_public(const std::string& ipv4);

    /// Public addresses known so far, in order.
    const std::vector<std::string>& publics() const { return publics_; }

  private:
    std::string host(int number) const;

    int subnet_;
    std::vector<std::string> publics_;
    std::map<std::string, std::string> by_public_;
    int next_ = 10;
};

}  // namespace kavi::lab
