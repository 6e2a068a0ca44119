#pragma once

#include <kavi/base/clock.hpp>
#include <kavi/base/files.hpp>
#include <kavi/net/curl_transport.hpp>
#include <kavi/net/ssh_libssh.hpp>
#include <kavi/store/target.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include <apis/lab_apis.hpp>
#include <support/cutting_relay.hpp>
#include <support/sshd.hpp>

namespace kavi::test {

/// The true time, but nobody waits; it counts for how long it would have been.
class NoWaitClock final : public Clock {
  public:
    std::chrono::system_clock::time_point now() const override { return real_.now(); }

    std::chrono::steady_clock::time_point steady() const override { return real_.steady(); }

    void sleep_for(std::chrono::milliseconds duration, std::stop_token) override { slept += duration; }

    std::chrono::milliseconds slept{};

  private:
    SystemClock real_;
};

inline std::string pattern(std::size_t size, std::uint32_t state = 7) {
    std::string bytes(size, '\0');
    for (auto& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
    return bytes;
}

inline std::string all_of(store::Store& store,
                          const std::string& path,
                          std::uint64_t offset = 0,
                          std::optional<std::uint64_t> limit = {}) {
    std::string got;
    store.read(
        path, [&](std::string_view bytes) { got += bytes; }, offset, limit);
    return got;
}

/// The hosts of stores, each made when it is needed, and what they are opened with.
class Places {
  public:
    NoWaitClock clock;
    net::LibsshConnector ssh{net::ConnectionRules{.loopback_only = true}};
    net::CurlTransport http{net::CurlOptions{.rules = {.loopback_only = true}}};

    Sshd& sshd() {
        if (!sshd_) sshd_.emplace();
        return *sshd_;
    }

    lab::LabApis& apis() {
        if (!apis_) {
            lab::LabApisConfig config;
            config.s3.buckets = {"backups"};
            apis_ = std::make_unique<lab::LabApis>(std::move(config));
            apis_->start();
        }
        return *apis_;
    }

    /// "local", "sftp", "s3", all below a folder "top".
    store::StoreTarget target(const std::string& kind) {
        store::StoreTarget target;
        target.name = "box";
        if (kind == "local") {
            target.kind = store::StoreKind::local;
            target.folder = (folder_.path() / "top").string();
        } else if (kind == "sftp") {
            const auto login = sshd().target();
            target.folder = (sshd().folder() / "top").string();
            target.host = login.host;
            target.port = login.port;
            target.user = login.user;
            target.host_key = net::fingerprint_text(sshd().host_key().digest);
            target.key = login.key;
        } else {
            const lab::S3Seed seed;
            target.kind = store::StoreKind::s3;
            target.folder = "top";
            target.endpoint = "http://127.0.0.1:" + std::to_string(apis().port("s3"));
            target.region = seed.region;
            target.bucket = "backups";
            target.access_key = seed.access_key;
            target.secret_key = Secret(seed.secret_key);
        }
        return target;
    }

    std::unique_ptr<store::Store> open(const store::StoreTarget& target, std::stop_token stop = {}) {
        return store::open_store(target, {ssh, http, clock}, std::move(stop));
    }

    std::unique_ptr<store::Store> open(const std::string& kind) { return open(target(kind)); }

  private:
    TemporaryFolder folder_;
    std::optional<Sshd> sshd_;
    std::unique_ptr<lab::LabApis> apis_;
};

}  // namespace kavi::test
