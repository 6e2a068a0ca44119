#pragma once

#include <kavi/store/sftp_connection.hpp>

namespace kavi::store {

/// A folder behind SFTP, by one connection. A broken line is made again (two minutes of tries), uploads and
/// reads go on where they were.
class SftpStore final : public Store {
  public:
    /// `target.name` is the store's; `folder` is relative to the login's folder ("" is that itself) or
    /// absolute.
    SftpStore(net::SshConnector& connector,
              net::SshTarget target,
              std::string folder,
              Clock& clock,
              std::stop_token stop);

    const std::string& name() const override { return connection_.name(); }

    std::vector<StoredFile> list(const std::string& folder) override;
    std::vector<StoredFile> unfinished(const std::string& folder) override;
    std::unique_ptr<Upload> create(const std::string& path) override;
    void read(const std::string& path,
              const std::function<void(std::string_view)>& on_bytes,
              std::uint64_t offset = 0,
              std::optional<std::uint64_t> limit = std::nullopt) override;
    /// By `sha256sum` on the server, on a channel of its own.
    std::optional<std::string> sha256(const std::string& path) override;
    void remove(const std::string& path) override;
    std::optional<Space> space() override;

  private:
    std::vector<StoredFile> walk(const std::string& folder, bool parts);

    SftpConnection connection_;
    bool hashes_ = true;  ///< false once the server was found to run no sha256sum
};

/// The digest in what GNU's ("<hex>  name") or BSD's sha256sum ("SHA256 (name) = <hex>") printed; nullopt: it
/// is no such line.
std::optional<std::string> digest_in(std::string_view output);

}  // namespace kavi::store
