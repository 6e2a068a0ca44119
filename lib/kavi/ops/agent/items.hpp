#pragma once

#include <kavi/ops/agent/backup.hpp>
#include <kavi/ops/agent/restore_docker.hpp>
#include <kavi/seal/bytes.hpp>

#include <functional>
#include <string>
#include <string_view>

/// Where the content of each kind of item comes from.
namespace kavi::ops {

/// Something to store. Where it throws, or the rules refuse what it gave, nothing of it stays.
struct NewArtefact {
    std::string kind;  ///< of the artefact
    std::string part;
    std::string form;  ///< "pgdump"
    std::string file =
        {};  ///< below the server's folder; empty: made of item, part and form, in the run's folder
    /// Gives all the plain bytes, judges how it ended (throws Error), and gives the details.
    std::function<Json(const seal::WriteBytes& out)> source;
};

/// What an item's kind works with.
struct ItemJob {
    const BackupItemRequest& item;
    RestoreDocker& docker;
    /// Stores one artefact. What goes wrong is noted as the failure of that part.
    std::function<void(const NewArtefact&)> store;
    std::function<void(std::string part, const Error& why)> fail;
    std::function<void(std::string warning)> warn;
    /// Takes over an artefact whose file begins so, that an earlier run named and every store still has; false: store it.
    std::function<bool(const std::string& beginning)> keep_last;
    /// Whether some store has such a file already.
    std::function<bool(const std::string& file)> is_taken;
    std::string run;
    std::stop_token stop;

    std::string wanted(std::string_view key) const { return string_or(item.json, key); }
};

/// These throw where the item as a whole comes to nothing.
void backup_postgres(const ItemJob& job);
void backup_redis(const ItemJob& job);
void backup_files(const ItemJob& job);
void backup_images(const ItemJob& job);

/// Runs the program to its end and gives all it writes to `out`. Its exit status; what it said stays in
/// `child`.
int pump(Child& child, const seal::WriteBytes& out);

/// errors::backup_failed with the last lines of what a program said.
Error item_failed(std::string message, std::string_view said);

/// Looks at an RDB as it passes: its beginning, its end and the checksum there (CRC-64 as Redis has it).
class RdbCheck {
  public:
    void add(std::string_view bytes);
    /// Throws errors::backup_failed: it is no RDB, cut off or damaged.
    void finish() const;

  private:
    void take(std::string_view bytes);

    std::string magic_, tail_;  // the tail isn't in the checksum yet
    std::uint64_t checksum_ = 0;
    char last_ = 0;  // before the tail
};

}  // namespace kavi::ops
