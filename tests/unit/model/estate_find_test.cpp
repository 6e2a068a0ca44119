#include <kavi/base/error_codes.hpp>
#include <kavi/base/files.hpp>
#include <kavi/model/estate_find.hpp>

#include <support/catch.hpp>
#include <sys/stat.h>
#include <unistd.h>

using namespace kavi;
using namespace kavi::model;
namespace fs = std::filesystem;

namespace {

/// A repository with an estate in its root, a user's configuration, and a system's.
class Surroundings {
  public:
    Surroundings() {
        fs::create_directories(root() / "repo/.git");
        fs::create_directories(root() / "repo/deep/er");
        fs::create_directories(root() / "outside/deep");
        put("outside/kavi.toml");
    }

    fs::path root() const { return fs::canonical(folder_.path()); }

    fs::path put(const std::string& path) const {
        write_file_atomic(root() / path, "estate = \"x\"\n", 0600);
        return root() / path;
    }

    FindEstate from(const std::string& folder) const {
        return {.working_folder = root() / folder,
                .config_home = root() / "config",
                .system_file = root() / "etc/kavi.toml"};
    }

  private:
    TemporaryFolder folder_;
};

ErrorCode code_of(const std::function<void()>& work) {
    try {
        work();
    } catch (const Error& error) {
        return error.code();
    }
    return errors::internal;
}

}  // namespace

TEST_CASE("the estate file is looked for in order") {
    const Surroundings around;
    auto where = around.from("repo/deep/er");
    CHECK(code_of([&] { find_estate(where); }) == errors::config_missing);
    const auto system = around.put("etc/kavi.toml");
    CHECK(find_estate(where).how == FoundEstate::How::system);
    const auto user = around.put("config/kavi/kavi.toml");
    CHECK(find_estate(where).file == user);
    const auto walked = around.put("repo/kavi.toml");
    CHECK(find_estate(where).file == walked);
    CHECK(find_estate(where).needs_trust());
    where.variable = system;
    CHECK(find_estate(where).how == FoundEstate::How::variable);
    where.option = "../../kavi.toml";
    CHECK(find_estate(where).file == walked);
    CHECK_FALSE(find_estate(where).needs_trust());
    where.option = "nothing.toml";
    CHECK(code_of([&] { find_estate(where); }) == errors::config_missing);
}

TEST_CASE("walking up ends at the repository, and doesn't begin outside of one") {
    const Surroundings around;
    around.put("kavi.toml");  // above the repository
    CHECK(code_of([&] { find_estate(around.from("repo/deep")); }) == errors::config_missing);
    CHECK(code_of([&] { find_estate(around.from("outside/deep")); }) == errors::config_missing);
    CHECK(find_estate(around.from("outside")).how == FoundEstate::How::walked);
}

TEST_CASE("what others can write isn't used") {
    const Surroundings around;
    const auto file = around.put("repo/kavi.toml");
    const std::vector<uid_t> me{::geteuid()};
    CHECK_NOTHROW(refuse_if_others_can_write(file, me));
    const auto refused = [&] {
        return code_of([&] { refuse_if_others_can_write(file, me); }) == errors::config_untrusted;
    };
    ::chmod(file.c_str(), 0602);
    CHECK(refused());
    ::chmod(file.c_str(), 0600);
    ::chmod(file.parent_path().c_str(), 0777);
    CHECK(refused());
    ::chmod(file.parent_path().c_str(), 01777);
    CHECK_FALSE(refused());
    ::chmod(file.parent_path().c_str(), 0755);
    if (::geteuid() == 0) {
        REQUIRE(::chown(file.c_str(), 12345, 12345) == 0);
        CHECK(refused());
        CHECK_NOTHROW(refuse_if_others_can_write(file, {12345}));
        REQUIRE(::chown(file.c_str(), 0, 12345) == 0);
        ::chmod(file.c_str(), 0660);
        CHECK(refused());  // a group that isn't this user's own
    }
}

TEST_CASE("trust is given to a path, an estate and an endpoint together") {
    const Surroundings around;
    const auto store_file = around.root() / "state/trust.json";
    const fs::path estate = "/e/kavi.toml";
    auto store = TrustStore::load(store_file);
    const FoundEstate walked{FoundEstate::How::walked, estate};
    CHECK(code_of([&] { require_trust(walked, store, "home", "https://a"); }) == errors::config_untrusted);
    CHECK_NOTHROW(require_trust({FoundEstate::How::option, estate}, store, "home", "https://a"));
    store.trust(estate, "home", "https://a", {});
    store.save(store_file);
    store = TrustStore::load(store_file);
    CHECK_NOTHROW(require_trust(walked, store, "home", "https://a"));
    CHECK_FALSE(store.is_trusted(estate, "home", "https://b"));
    CHECK_FALSE(store.is_trusted(estate, "other", "https://a"));
    CHECK_FALSE(store.is_trusted("/f/kavi.toml", "home", "https://a"));
    CHECK((fs::status(store_file).permissions() & fs::perms::all) ==
          (fs::perms::owner_read | fs::perms::owner_write));
    store.forget(estate);
    CHECK_FALSE(store.is_trusted(estate, "home", "https://a"));
    write_file_atomic(store_file, "{\"trusted\": 7}", 0600);
    CHECK(code_of([&] { TrustStore::load(store_file); }) == errors::config_untrusted);
}
