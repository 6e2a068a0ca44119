#include <kavi/base/files.hpp>

#include <cstdlib>

#include <images/apt_mirror.hpp>
#include <images/image_config.hpp>
#include <images/registry.hpp>
#include <support/catch.hpp>

using namespace kavi;
using namespace kavi::lab;

TEST_CASE("an image's name says where it comes from") {
    struct Case {
        const char* text;
        const char* registry;
        const char* repository;
        const char* tag;
    };

    const auto c = GENERATE(
        Case{"traefik:v3.6.8", "registry-1.docker.io", "library/traefik", "v3.6.8"},
        Case{"postgres", "registry-1.docker.io", "library/postgres", "latest"},
        Case{"infisical/infisical:v0.155.5", "registry-1.docker.io", "infisical/infisical", "v0.155.5"},
        Case{"docker.io/a/b:1", "registry-1.docker.io", "a/b", "1"},
        Case{"codeberg.org/forgejo/forgejo:11.0.9-rootless",
             "codeberg.org",
             "forgejo/forgejo",
             "11.0.9-rootless"},
        Case{"localhost:5000/x:2", "localhost:5000", "x", "2"},
        Case{"ghcr.io/a/b:1@sha256:00", "ghcr.io", "a/b", "1"});
    const auto reference = parse_image_reference(c.text);
    CHECK(reference.registry == c.registry);
    CHECK(reference.repository == c.repository);
    CHECK(reference.tag == c.tag);
}

TEST_CASE("a stand-in has what compose files of the real image rely on") {
    const Images images{.postgres = {.diff_id = "pg"}, .standin = {.diff_id = "standin"}};
    const auto of = [&](const char* repository, const char* tag) {
        return standin_image(images, {.diff_id = "cert"}, repository, tag);
    };
    CHECK(of("library/postgres", "16.11-alpine").config["config"]["Entrypoint"] ==
          Json{"docker-entrypoint.sh"});
    CHECK(of("infisical/infisical", "v1").config["config"]["WorkingDir"] == "/backend");
    CHECK(of("forgejo/forgejo", "11-rootless").config["config"]["User"] == "1000:1000");
    CHECK(of("library/traefik", "v3").config["rootfs"]["diff_ids"].back() == "cert");
    CHECK(of("someone/else", "1").config["config"]["Entrypoint"] == Json{"web"});
    CHECK(of("kua-cl/kuanary", "1").config != of("kua-cl/kuanary", "2").config);
    CHECK(of("kua-cl/kuanary", "2-broken").config["config"]["Env"].back() == "LAB_UNHEALTHY=1");
}

TEST_CASE("the Debian archive is the one that this machine installs from") {
    struct Case {
        const char* file;
        const char* text;
        const char* mirror;
    };

    const auto c = GENERATE(
        Case{"sources.list",
             "# deb http://old/debian x\ndeb [signed-by=/k] http://mirror.example/debian/ bookworm main\n",
             "http://mirror.example/debian"},
        Case{"sources.list.d/debian.sources",
             "Types: deb\nURIs: https://m.example/pub/debian\nSuites: bookworm\n",
             "https://m.example/pub/debian"},
        Case{"sources.list.d/other.list",
             "deb https://packages.example/apt stable main\n",
             "http://deb.debian.org/debian"},
        Case{"sources.list.d/s.sources",
             "URIs: http://s.example/debian-security\n",
             "http://deb.debian.org/debian"});
    ::unsetenv("KAVI_LAB_MIRROR");
    const TemporaryFolder apt;
    write_file_atomic(apt.path() / c.file, c.text, 0644);
    CHECK(apt_mirror(apt.path()) == c.mirror);
}
