#include "certificates.hpp"

#include "lab/tools.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>

#include <algorithm>

namespace kavi::lab {
namespace {

constexpr auto days = "825";

std::string alternative_name(const std::string& host) {
    const bool address = host.find_first_not_of("0123456789.") == std::string::npos;
    return (address ? "IP:" : "DNS:") + host;
}

}  // namespace

CertificateAuthority::CertificateAuthority(std::filesystem::path folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
    run_tool({"openssl",
              "req",
              "-x509",
              "-newkey",
              "ec",
              "-pkeyopt",
              "ec_paramgen_curve:P-256",
              "-nodes",
              "-days",
              days,
              "-subj",
              "/CN=kavi lab authority",
              "-addext",
              "basicConstraints=critical,CA:TRUE",
              "-addext",
              "keyUsage=critical,keyCertSign,cRLSign",
              "-keyout",
              (folder_ / "ca-key.pem").string(),
              "-out",
              certificate().string()});
}

void CertificateAuthority::issue(const std::string& name, const std::vector<std::string>& hosts) const {
    std::vector<std::string> alternatives;
    for (const auto& host : hosts) alternatives.push_back(alternative_name(host));
    run_tool({"openssl",
              "req",
              "-x509",
              "-newkey",
              "ec",
              "-pkeyopt",
              "ec_paramgen_curve:P-256",
              "-nodes",
              "-days",
              days,
              "-CA",
              certificate().string(),
              "-CAkey",
              (folder_ / "ca-key.pem").string(),
              "-subj",
              "/CN=kavi lab",
              "-addext",
              "subjectAltName=" + join(alternatives, ","),
              "-addext",
              "basicConstraints=critical,CA:FALSE",
              "-addext",
              "extendedKeyUsage=serverAuth",
              "-keyout",
              (folder_ / (name + "-key.pem")).string(),
              "-out",
              (folder_ / (name + ".pem")).string()});
}

}  // namespace kavi::lab
