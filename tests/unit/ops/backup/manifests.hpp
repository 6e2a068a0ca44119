#pragma once

#include <kavi/ops/backup/manifest.hpp>

#include <string>

namespace kavi::test {

/// A manifest that has something of everything.
inline ops::Manifest example_manifest() {
    return {.estate = "kavi",
            .server = "bruno",
            .run = "20261125T060000Z-4f2a",
            .sequence = 7,
            .previous = "sha256:" + std::string(64, 'c'),
            .started = "2026-11-25T06:00:00Z",
            .finished = "2026-11-25T06:01:30Z",
            .kavi = "0.1.0",
            .sealed_sequence = 5,
            .encryption_key = "a1b2:0011",
            .artefacts = {{.item = "databases",
                           .kind = "postgres",
                           .part = "infisical",
                           .file = "20261125T060000Z-4f2a/databases.infisical.pgdump.zst.age",
                           .bytes = 1234,
                           .sha256 = std::string(64, 'a'),
                           .plain_bytes = 9999,
                           .plain_sha256 = std::string(64, 'b'),
                           .details = {{"server_version", "15.14"}, {"rows", {{"public.users", 3}}}}},
                          {.item = "images",
                           .kind = "images",
                           .part = "postgres:16",
                           .file = "images/0123456789abcdef.tar.zst.age",
                           .bytes = 18'446'744'073'709'551'615u,
                           .sha256 = std::string(64, 'd'),
                           .plain_bytes = 0,
                           .plain_sha256 = std::string(64, 'e')}},
            .failures = {{"redis", "", "redis-cli ended with 1"}},
            .warnings = {"forgejo: a file changed while it was read"}};
}

}  // namespace kavi::test
