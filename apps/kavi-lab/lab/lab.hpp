#pragma once

#include "apis/lab_apis.hpp"
#include "estate/certificates.hpp"
#include "estate/estate_copy.hpp"
#include "estate/lab_secrets.hpp"
#include "images/builder.hpp"
#include "images/registry.hpp"
#include "lab/addresses.hpp"
#include "lab/options.hpp"
#include "lab/place.hpp"
#include "machines/container_machines.hpp"
#include "machines/sshd_machines.hpp"
#include "machines/storage_box.hpp"
#include "network/notifications.hpp"
#include "network/relay.hpp"
#include "network/tls_front.hpp"

#include <fstream>
#include <memory>
#include <mutex>
#include <set>

namespace kavi::lab {

/// A whole lab, from construction until the process ends: machines, network, APIs, the files that lead kavi
/// to it. What outlives the process (containers, mounts) stands in the record; tear_down() ends it.
class Lab {
  public:
    /// Starts everything; returns when it is ready. Throws where something can't be started.
    Lab(Place place, LabOptions options, Progress progress);
    ~Lab();

    /// A request from the control socket: {"do": "fault-add", "words": […]}, fault-list, fault-clear, seed,
    /// destroy-server. Gives {"ok": true, "text": …}; throws where it can't be done.
    Json answer(const Json& request);

  private:
    void make_keys();
    void start_relay();
    void start_network();
    void start_images();
    void start_front();
    void start_machines();
    void start_sshd_machines();
    void start_box();
    void start_apis();
    void start_existing();
    void wait_for_servers();
    void write_environment();

    HetznerSeed hetzner_seed() const;
    CloudflareSeed cloudflare_seed() const;
    InfisicalSeed infisical_seed() const;
    LabSecrets make_secrets() const;

    std::vector<std::pair<std::string, std::string>> host_names() const;
    std::vector<std::string> image_references() const;
    std::vector<std::string> front_names() const;
    std::optional<TlsFront::Target> behind(const std::string& server_name);
    std::string connect_to() const;
    std::string user_data_for(const EstateNames::Server& server) const;
    std::string standins_for(const EstateNames::Server& server) const;
    void create_existing(const EstateNames::Server& server);

    void open_paths(const std::string& name, const std::string& address);
    void note_connection(const RelayRecord& record);
    void note_mount(const std::filesystem::path& mount_point, bool mounted);
    bool infisical_runs();

    std::string add_fault(const std::vector<std::string>& words);
    std::string add_machine_fault(const std::string& machine, const std::string& what);
    std::string add_box_fault(const std::string& what);
    std::string add_registry_fault(const std::string& what);
    std::string set_service_health(const std::string& service, bool healthy);
    std::string list_faults() const;
    void clear_faults(std::optional<int> number);
    void set_path_rule(const std::string& name, RelayRule rule);

    Place place_;
    LabOptions options_;
    Progress progress_;
    EstateNames names_;
    Record record_;
    std::mutex record_mutex_;
    LabKeys keys_;
    std::map<std::string, std::string> host_keys_;  ///< fingerprints, by server
    std::string token_ = random_hetzner_token();
    std::unique_ptr<CertificateAuthority> authority_;
    std::optional<Docker> docker_;
    std::optional<Images> images_;
    std::optional<Addresses> addresses_;
    std::ofstream ssh_log_, connection_log_;
    std::mutex log_mutex_;
    std::unique_ptr<Relay> relay_;
    std::map<std::string, std::map<int, int>>
        paths_;  ///< public address or "box" → its port → ours on loopback
    std::unique_ptr<Registry> registry_;
    std::unique_ptr<TlsFront> front_;
    int front_port_ = 0;
    std::set<std::string> registries_;  ///< the hosts that the estate's images come from
    std::unique_ptr<Notifications> notifications_;
    std::unique_ptr<ContainerMachines> machines_;  ///< --machines real
    std::unique_ptr<SshdMachines> sshd_machines_;  ///< --machines ssh
    std::map<std::string, int> sshd_ports_;        ///< by public address
    std::unique_ptr<StorageBoxMachine> box_;
    std::unique_ptr<LabSecrets> secrets_;
    std::unique_ptr<LabApis> apis_;
    std::mutex infisical_mutex_;
    bool infisical_ran_ = false;
    std::chrono::steady_clock::time_point infisical_asked_{};
    std::map<std::string, bool> sick_services_;

    static std::string random_hetzner_token();
};

}  // namespace kavi::lab
