#pragma once

#include "apis/lab_apis.hpp"
#include "estate/estate_names.hpp"

#include <map>
#include <string>

namespace kavi::lab {

/// Values for every secret that the estate file and its compose files name, random where nobody gives one.
class LabSecrets {
  public:
    /// `given`: values by the last part of the name ("HCLOUD_TOKEN", "BOX_READ_KEY").
    LabSecrets(const EstateNames& names, std::map<std::string, std::string> given);

    /// What Infisical holds: "secret:" references and the variables of the stacks' folders.
    const std::vector<SecretSeed>& in_infisical() const { return in_infisical_; }

    /// What only sealed copies hold, by name.
    const std::map<std::string, std::string>& sealed() const { return sealed_; }

  private:
    std::string value_for(const std::string& name);
    void add(const std::string& environment, const std::string& folder, const std::string& name);

    std::map<std::string, std::string> given_;
    std::vector<SecretSeed> in_infisical_;
    std::map<std::string, std::string> sealed_;
};

}  // namespace kavi::lab
