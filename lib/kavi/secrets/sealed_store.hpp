#pragma once

#include <kavi/secrets/sealed_bundle.hpp>

#include <filesystem>

/// Where sealed copies lie, and which of them counts.
namespace kavi::secrets {

/// Reads and writes whole files in the places of sealed copies. One for local paths is here; ops hands in one
/// that also knows storages and servers.
class SealedPlaces {
  public:
    virtual ~SealedPlaces() = default;

    /// nullopt: nothing lies there. Throws Error where the place can't be reached.
    virtual std::optional<std::string> read(const model::Place& place, std::stop_token stop) = 0;

    /// Whole or not at all, readable by its owner only.
    virtual void write(const model::Place& place, std::string_view bytes, std::stop_token stop) = 0;
};

/// Local paths, relative ones from the estate file's folder. Throws errors::network_failed for any other
/// place.
class LocalPlaces final : public SealedPlaces {
  public:
    explicit LocalPlaces(std::filesystem::path folder) : folder_(std::move(folder)) {}

    std::optional<std::string> read(const model::Place& place, std::stop_token stop) override;
    void write(const model::Place& place, std::string_view bytes, std::stop_token stop) override;

  private:
    std::filesystem::path path_of(const model::Place& place) const;

    std::filesystem::path folder_;
};

struct ReadSealed {
    const std::vector<model::Place>& places;
    SealedPlaces& access;
    std::span<const seal::Identity> identities;
    const Anchors& anchors;
    /// False: the first local copy is enough, and the others are only asked where it isn't there. True
    /// (`recover`, `secrets seal`): all places are asked, and the newest counts.
    bool all_places = false;
    /// The one place to take (`recover --from`). Refused (errors::plan_stale) where another reachable one is
    /// newer.
    std::optional<model::Place> only = std::nullopt;
};

/// What lies in the places.
struct SealedCopies {
    std::optional<OpenedBundle> best;
    std::string best_place;
    std::string best_bytes;               ///< the file itself
    std::vector<std::string> up_to_date;  ///< places whose file is that one, byte for byte
    std::vector<std::string> unreachable;
    bool unopened = false;  ///< a copy lies somewhere, but no identity opens it
    std::string why_not;    ///< where `best` is nullopt
    std::vector<std::string> warnings;

    SealedContent content() const;
};

/// Reads the copies. Throws errors::integrity where a copy that opens isn't to be believed and no other
/// stands for it.
SealedCopies read_sealed(const ReadSealed& request, std::stop_token stop);

}  // namespace kavi::secrets
