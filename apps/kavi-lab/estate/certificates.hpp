#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace kavi::lab {

/// The lab's own certificate authority, in FOLDER: ca.pem (what to trust) and ca-key.pem.
class CertificateAuthority {
  public:
    /// Makes one.
    explicit CertificateAuthority(std::filesystem::path folder);

    std::filesystem::path certificate() const { return folder_ / "ca.pem"; }

    /// Issues FOLDER/NAME.pem and FOLDER/NAME-key.pem for host names and IPv4 addresses.
    void issue(const std::string& name, const std::vector<std::string>& hosts) const;

  private:
    std::filesystem::path folder_;
};

}  // namespace kavi::lab
