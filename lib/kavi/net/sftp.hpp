#pragma once

#include <kavi/net/sftp_line.hpp>
#include <kavi/net/sftp_writer.hpp>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kavi::net {

struct SftpEntry {
    std::string name;
    SftpAttributes attributes;
};

struct SftpSpace {
    std::uint64_t total = 0;  ///< bytes
    std::uint64_t free = 0;   ///< bytes that this user may still write
};

/// SFTP over one channel of a session: our own client, because libssh's (0.10) waits for each write. Paths
/// are the server's; a relative one starts at the login's folder (on Storage Boxes the only kind that means
/// the same on both ports). Used from the session's thread; gone before the session goes. Every call throws
/// SftpError (errors::remote_failed), errors::ssh_unreachable, errors::interrupted.
class Sftp {
  public:
    /// `server` is its name in messages. Throws errors::remote_failed where there is no SFTP.
    Sftp(SshSession& session, std::string server, std::stop_token stop);

    bool announces(const std::string& extension) const { return line_.extensions().contains(extension); }

    /// Nullopt where there is no such file.
    std::optional<SftpAttributes> stat(const std::string& path);
    /// Without "." and "..", in the server's order.
    std::vector<SftpEntry> list(const std::string& folder);
    /// The same of many folders, several requests under way; nullopt for one that isn't there.
    std::vector<std::optional<std::vector<SftpEntry>>> list_many(const std::vector<std::string>& folders);
    /// Does nothing where it is there already.
    void make_folder(const std::string& path);
    /// Does nothing where there is none.
    void remove(const std::string& path);
    /// False where it isn't empty, or can't be removed for another reason.
    bool remove_folder(const std::string& path);
    /// Replaces `to` in one step. A server without posix-rename refuses where `to` exists.
    void rename(const std::string& from, const std::string& to);
    /// Nullopt where the server can't say.
    std::optional<SftpSpace> space(const std::string& path);

    /// A new file (its mode 0600); it may not exist.
    SftpWriter create(const std::string& path);
    /// Goes on with a file from `offset` on, as SftpWriter::acknowledged() gave it.
    SftpWriter resume(const std::string& path, std::uint64_t offset);

    /// The file's bytes from `offset` on (`limit` of them where given), in order, with several requests under
    /// way.
    void read(const std::string& path,
              std::uint64_t offset,
              const std::function<void(std::string_view)>& on_bytes,
              std::optional<std::uint64_t> limit = std::nullopt);

  private:
    void read_limits();
    SftpAnswer ask(SftpType type, std::initializer_list<std::string_view> texts);
    std::string open(const std::string& path, std::uint32_t flags, const std::string& doing);
    void close(const std::string& handle);
    /// What one answer to a request for names holds; false at the folder's end.
    bool take_names(const SftpAnswer& answer, const std::string& folder, std::vector<SftpEntry>& into);
    void list_some(std::span<const std::string> folders,
                   std::span<std::optional<std::vector<SftpEntry>>> into);

    SftpLine line_;
    std::size_t largest_write_ = 32768, largest_read_ = 32768;
};

}  // namespace kavi::net
