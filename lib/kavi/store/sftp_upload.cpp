#include <kavi/base/error_codes.hpp>
#include <kavi/store/failures.hpp>
#include <kavi/store/paths.hpp>
#include <kavi/store/sftp_upload.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

namespace kavi::store {

namespace {

/// What is under way, a block that isn't full, and one such piece fit into the tail together.
constexpr std::size_t piece_size = std::size_t{1} << 20;
static_assert(net::sftp_under_way + 2 * piece_size <= Tail::size);

/// Requests a stop after a while, unless it goes before.
class Alarm {
  public:
    explicit Alarm(std::chrono::seconds after)
        : thread_([this, after](std::stop_token gone) {
              std::unique_lock lock(mutex_);
              wake_.wait_for(lock, gone, after, [] { return false; });
              if (!gone.stop_requested()) source_.request_stop();
          }) {}

    std::stop_token token() const { return source_.get_token(); }

  private:
    std::stop_source source_;
    std::mutex mutex_;
    std::condition_variable_any wake_;
    std::jthread thread_;
};

void make_folders(net::Sftp& sftp, const std::string& folder) {
    if (folder.empty()) return;
    try {
        sftp.make_folder(folder);
    } catch (const net::SftpError& error) {
        if (error.status() != net::SftpStatus::no_such_file) throw;
        make_folders(sftp, parent_of(folder));
        sftp.make_folder(folder);
    }
}

std::unique_ptr<net::SftpWriter> create_file(net::Sftp& sftp, const std::string& path) {
    const auto create = [&] {
        return std::unique_ptr<net::SftpWriter>(new net::SftpWriter(sftp.create(path)));
    };
    try {
        return create();
    } catch (const net::SftpError& error) {
        if (error.status() != net::SftpStatus::no_such_file) throw;
    }
    make_folders(sftp, parent_of(path));
    return create();
}

}  // namespace

void Tail::append(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto at = static_cast<std::size_t>(end_ % size);
        const auto count = std::min(bytes.size(), size - at);
        std::memcpy(ring_.get() + at, bytes.data(), count);
        bytes.remove_prefix(count);
        end_ += count;
    }
}

std::string_view Tail::from(std::uint64_t offset) const {
    const auto at = static_cast<std::size_t>(offset % size);
    return {ring_.get() + at, static_cast<std::size_t>(std::min<std::uint64_t>(end_ - offset, size - at))};
}

SftpUpload::SftpUpload(SftpConnection& connection, std::string path)
    : connection_(connection), target_(below(connection.folder, path)) {
    connection_.with_login([&](SftpLogin& login) {
        if (login.sftp->stat(target_)) throw file_exists(connection_.name(), path);
        if (!part_.empty()) login.sftp->remove(part_);  // made by a line that broke before it said so
        part_ = part_path(target_);
        writer_ = create_file(*login.sftp, part_);
        login_ = connection_.login();
    });
}

SftpUpload::~SftpUpload() {
    writer_.reset();
    if (!finished_) remove_part();
}

/// One try, and a short one: a part that stays is seen by unfinished().
void SftpUpload::remove_part() {
    if (!login_) return;
    try {
        const Alarm alarm(std::chrono::seconds(5));
        // The login's own SFTP ends with the stop request that may be why this is done.
        net::Sftp(*login_->session, connection_.name(), alarm.token()).remove(part_);
    } catch (const std::exception&) {
        // The part stays.
    }
}

void SftpUpload::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto piece = bytes.substr(0, piece_size);
        tail_.append(piece);
        advance(piece, false);
        bytes.remove_prefix(piece.size());
    }
}

/// Sends `fresh`, which is in the tail already; where the line is or gets broken, all of the tail that isn't
/// confirmed.
void SftpUpload::advance(std::string_view fresh, bool whole) {
    for (int failures = 1;; ++failures) {
        const auto before = confirmed_;
        try {
            if (writer_)
                writer_->write(fresh);
            else
                go_on();
            fresh = {};
            if (whole) on_disk_ = writer_->finish();
            confirmed_ = writer_->acknowledged();
            return;
        } catch (const net::SftpError& refused) {
            throw connection_.refusal(refused);
        } catch (const Error& broken) {
            if (broken.code() == errors::interrupted) throw;
            let_go();
            if (confirmed_ > before) failures = 1;
            connection_.wait_after(failures, broken);
        }
    }
}

void SftpUpload::let_go() {
    if (writer_) confirmed_ = std::max(confirmed_, writer_->acknowledged());
    writer_.reset();
    login_.reset();
    connection_.close();
}

/// What the server lost of what it had confirmed is sent again as well, as long as the tail has it.
void SftpUpload::go_on() {
    login_ = connection_.login();
    const auto there = login_->sftp->stat(part_);
    const auto begin = std::min(confirmed_, there ? there->size.value_or(0) : 0);
    if (!there || begin < tail_.begin())
        throw Error(errors::store_failed,
                    fmt::format("store {} lost a file while it was written", connection_.name()))
            .because(fmt::format("{} had {} bytes and has {}", part_, confirmed_, there ? begin : 0));
    writer_.reset(new net::SftpWriter(login_->sftp->resume(part_, begin)));
    for (auto offset = begin; offset < tail_.end();) {
        const auto bytes = tail_.from(offset);
        writer_->write(bytes);
        offset += bytes.size();
    }
}

bool SftpUpload::is_named(net::Sftp& sftp) const {
    const auto there = sftp.stat(target_);
    return there && there->size == tail_.end() && !sftp.stat(part_);
}

bool SftpUpload::finish() {
    advance({}, true);
    bool again = false;
    connection_.with_login([&](SftpLogin& login) {
        // The line may have broken after the server did it.
        if (!std::exchange(again, true) || !is_named(*login.sftp)) login.sftp->rename(part_, target_);
    });
    finished_ = true;
    return on_disk_;
}

}  // namespace kavi::store
