#pragma once

#include <kavi/model/estate_file.hpp>

#include <map>
#include <string>

namespace kavi::model::test {

/// Files of an estate in /estate, held in memory.
struct EstateFiles {
    std::map<std::string, std::string> files;

    LoadedEstate load() const {
        return load_estate("/estate/kavi.toml",
                           [this](const std::filesystem::path& path) -> std::optional<std::string> {
                               const auto found = files.find(path.lexically_relative("/estate").string());
                               return found == files.end() ? std::nullopt : std::optional(found->second);
                           });
    }

    /// What `kavi config check` would show.
    std::string problems() const { return render_problems(load().problems); }
};

/// A whole estate in a few lines, without a problem.
inline const std::string small_estate = R"(estate = "home"
[operators.ana]
ssh = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKT5GYEwjvVC6eWZ+7TrEq86AjmZNM4DxR4bP9ox8zaT ana"
age = "age1ljrx4zngtvg4a3sg08jc2cxwvkmd2f4zu3rtquy42t4n6jan54aqgtl3sq"
[operators.offline]
age = "age16xx676nd3tgqsenkmqh08ap94duv943q3eflf6rd4namdm8v7vssyxhl0z"
[secrets]
provider = "sealed"
sealed = ["secrets.age"]
[servers.box]
ipv4 = "192.0.2.7"
ssh = { host_key = "SHA256:aJntoQGSI1NOSZbif5YiDLJgEWR/L29TC1B3RZDxfpw" }
mounts = ["disk"]
[stacks.web]
server = "box"
compose = "compose.yml"
secrets = { TOKEN = "sealed:/TOKEN" }
[services.app]
tier = 2
needs = ["disk:notes"]
[zones."example.org"]
[domains."www.example.org"]
service = "app"
[storage.disk]
kind = "storage-box"
host = "u1.example.net"
host_key = "SHA256:aJntoQGSI1NOSZbif5YiDLJgEWR/L29TC1B3RZDxfpw"
mount = { at = "/mnt/disk", user = "u1-sub1" }
[backup]
stores = ["disk"]
[backup.items.data]
kind = "files"
source = "box:volume/data"
[backup.items.notes]
kind = "files"
source = "box:/mnt/disk/notes"
[backup.items.db]
kind = "postgres"
service = "db"
)";

inline const std::string small_compose = R"(services:
  app:
    image: app:1.0
    secrets: [token]
    volumes:
      - data:/data
      - {type: bind, source: /mnt/disk/notes, target: /notes, bind: {create_host_path: false}}
    depends_on: [db]
    labels:
      traefik.http.routers.app.rule: Host(`${KAVI_DOMAIN_APP}`)
  db:
    image: postgres:16.1
    volumes: [db:/var/lib/postgresql/data]
volumes: {data: {}, db: {}}
secrets:
  token: {file: "${KAVI_SECRETS}/TOKEN"}
)";

/// The small estate with one text in place of another; every occurrence of `from` must be the one meant.
inline EstateFiles changed(const std::string& from,
                           const std::string& to,
                           const std::string& file = "kavi.toml") {
    EstateFiles estate{{{"kavi.toml", small_estate}, {"compose.yml", small_compose}}};
    auto& text = estate.files.at(file);
    const auto at = text.find(from);
    if (at == std::string::npos) throw std::logic_error("the estate has no " + from);
    text.replace(at, from.size(), to);
    return estate;
}

}  // namespace kavi::model::test
