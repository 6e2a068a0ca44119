#include "network.hpp"

#include <kavi/net/ssh_libssh.hpp>

#include <fmt/format.h>

namespace kavi::app {

namespace {

net::ConnectionRules connection_rules(const Environment& environment) {
    net::ConnectionRules rules;
    rules.connect_to = net::ConnectionRules::parse_connect_to(environment.find("KAVI_CONNECT_TO").value_or(""));
    rules.loopback_only = environment.is_on("KAVI_LOOPBACK_ONLY");
    rules.certificate_file = environment.find("SSL_CERT_FILE");
    return rules;
}

net::CurlOptions curl_options(Session& session) {
    net::CurlOptions options{.rules = connection_rules(session.environment), .trace = {}};
    if (session.options.verbose >= 2)
        options.trace = [&output = session.output](std::string_view line) { output.talk(line); };
    return options;
}

}  // namespace

Network::Network(Session& session)
    : curl_(curl_options(session)),
      retrying_(curl_,
                session.clock,
                {},
                [&output = session.output](std::string_view what, std::chrono::milliseconds delay) {
                    output.detail(fmt::format("{}; trying again in {} ms", what, delay.count()));
                }),
      ssh_(std::make_unique<net::LibsshConnector>(connection_rules(session.environment))),
      ssh_key_path_(session.environment.find("KAVI_SSH_KEY")),
      agent_socket_(session.environment.find("SSH_AUTH_SOCK")) {}

}  // namespace kavi::app
