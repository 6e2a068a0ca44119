#include <kavi/base/error_codes.hpp>
#include <kavi/ops/agent/backup_pipeline.hpp>
#include <kavi/seal/age.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace kavi::ops {

namespace {

constexpr std::size_t step = 128 * 1024;

/// An error marks the store; an interruption is everybody's.
template <typename Work>
void at_store(RunStore& store, Work work) {
    if (!store.lives()) return;
    try {
        work();
    } catch (const Error& error) {
        if (error.code() == errors::interrupted) throw;
        store.failure = error;
    }
}

}  // namespace

bool any_lives(std::span<const RunStore> stores) {
    return std::ranges::any_of(stores, [](const RunStore& store) { return store.lives(); });
}

ArtefactWriter::ArtefactWriter(std::string path,
                               std::span<const seal::Recipient> recipients,
                               std::span<RunStore> stores)
    : path_(std::move(path)),
      recipients_(recipients),
      stores_(stores),
      uploads_(stores.size()),
      zstd_([this](std::string_view bytes) { to_seal_.write(bytes); }) {
    hashing_ = std::thread([this] { hash_all(); });
    sealing_ = std::thread([this] { seal_all(); });
    storing_ = std::thread([this] { store_all(); });
}

ArtefactWriter::~ArtefactWriter() {
    if (!sealing_.joinable()) return;
    to_seal_.fail(std::make_exception_ptr(Cancelled()));
    join();
}

void ArtefactWriter::join() {
    to_hash_.end();
    hashing_.join();
    sealing_.join();
    storing_.join();
}

void ArtefactWriter::rethrow() {
    join();
    std::rethrow_exception(failure_);
}

void ArtefactWriter::write(std::string_view bytes) {
    plain_bytes_ += bytes.size();
    to_hash_.write(bytes);
    try {
        zstd_.write(bytes);
    } catch (const BytePipe::Abandoned&) {
        rethrow();
    }
}

void ArtefactWriter::hash_all() {
    const auto buffer = std::make_unique<std::array<char, step>>();
    while (const auto count = to_hash_.read(*buffer)) plain_.add({buffer->data(), count});
}

void ArtefactWriter::seal_all() {
    try {
        seal::AgeWriter age(recipients_, [&](std::string_view bytes) {
            sealed_.add(bytes);
            to_store_.write(bytes);
        });
        const auto buffer = std::make_unique<std::array<char, step>>();
        while (const auto count = to_seal_.read(*buffer)) age.write({buffer->data(), count});
        age.finish();
        to_store_.end();
    } catch (const BytePipe::Abandoned&) {
        to_seal_.abandon();
    } catch (...) {
        to_seal_.abandon();
        to_store_.fail(std::current_exception());
    }
}

void ArtefactWriter::store_all() {
    try {
        begin_uploads();
        const auto buffer = std::make_unique<std::array<char, step>>();
        while (const auto count = to_store_.read(*buffer)) to_each({buffer->data(), count});
        finish_uploads();
    } catch (...) {
        failure_ = std::current_exception();
        uploads_.clear();  // nothing stays
        to_store_.abandon();
    }
}

void ArtefactWriter::begin_uploads() {
    for (std::size_t i = 0; i < stores_.size(); ++i)
        at_store(stores_[i], [&] { uploads_[i] = stores_[i].store->create(path_); });
    if (!any_lives(stores_)) throw *stores_.back().failure;
}

void ArtefactWriter::to_each(std::string_view bytes) {
    for (std::size_t i = 0; i < stores_.size(); ++i) {
        at_store(stores_[i], [&] { uploads_[i]->write(bytes); });
        if (!stores_[i].lives()) uploads_[i].reset();
    }
    if (!any_lives(stores_)) throw *stores_.back().failure;
}

void ArtefactWriter::finish_uploads() {
    for (std::size_t i = 0; i < stores_.size(); ++i) {
        at_store(stores_[i], [&] { uploads_[i]->finish(); });
        uploads_[i].reset();
    }
    if (!any_lives(stores_)) throw *stores_.back().failure;
}

StoredArtefact ArtefactWriter::finish() {
    try {
        zstd_.finish();
        to_seal_.end();
    } catch (const BytePipe::Abandoned&) {
        rethrow();
    }
    join();
    if (failure_) std::rethrow_exception(failure_);
    const StoredArtefact stored{.bytes = sealed_.bytes(),
                                .sha256 = sealed_.hex(),
                                .plain_bytes = plain_bytes_,
                                .plain_sha256 = plain_.hex()};
    for (auto& store : stores_) at_store(store, [&] { verify(store, stored.sha256, stored.bytes); });
    if (!any_lives(stores_)) throw *stores_.back().failure;
    return stored;
}

void ArtefactWriter::verify(RunStore& store, const std::string& sha256, std::uint64_t bytes) {
    auto found = store.store->sha256(path_);
    if (!found) {
        Sha256 digest;
        store.store->read(path_, [&](std::string_view piece) { digest.add(piece); });
        found = digest.hex();
    }
    if (*found != sha256) {
        store.store->remove(path_);
        throw Error(errors::integrity, fmt::format("{} isn't in {} as it was sent", path_, store.name))
            .because(fmt::format("its SHA-256 there is {}, and not {}", *found, sha256));
    }
    store.bytes += bytes;
    store.paths.push_back(path_);
}

}  // namespace kavi::ops
