#include "support/catch.hpp"
#include "support/specs.hpp"

#include <kavi/base/files.hpp>
#include <kavi/base/text.hpp>
#include <kavi/seal/age.hpp>
#include <kavi/seal/age_error.hpp>

#include <zlib.h>

#include <iostream>
#include <map>
#include <set>
#include <vector>

// The public age test kit (C2SP/CCTV): each vector opens, or fails in the way it names.

using namespace kavi;
using namespace kavi::seal;

namespace {

struct Vector {
    std::multimap<std::string, std::string> fields;
    std::string file;

    std::string field(const std::string& name) const {
        const auto found = fields.find(name);
        return found == fields.end() ? std::string() : found->second;
    }
};

std::string inflated(const std::string& packed) {
    z_stream stream{};
    inflateInit(&stream);
    std::string bytes, piece(1 << 16, '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    int state = Z_OK;
    while (state == Z_OK) {
        stream.next_out = reinterpret_cast<Bytef*>(piece.data());
        stream.avail_out = static_cast<uInt>(piece.size());
        state = inflate(&stream, Z_NO_FLUSH);
        bytes.append(piece, 0, piece.size() - stream.avail_out);
    }
    inflateEnd(&stream);
    REQUIRE(state == Z_STREAM_END);
    return bytes;
}

Vector read_vector(const std::filesystem::path& path) {
    const auto text = read_file(path);
    Vector vector;
    std::size_t at = 0;
    while (true) {
        const auto end = text.find('\n', at);
        REQUIRE(end != std::string::npos);
        const auto line = text.substr(at, end - at);
        at = end + 1;
        if (line.empty()) break;
        const auto colon = line.find(": ");
        REQUIRE(colon != std::string::npos);
        vector.fields.emplace(line.substr(0, colon), line.substr(colon + 2));
    }
    vector.file = text.substr(at);
    if (vector.field("compressed") == "zlib") vector.file = inflated(vector.file);
    return vector;
}

std::vector<Identity> identities_of(const Vector& vector) {
    std::vector<Identity> identities;
    for (const auto& [name, value] : vector.fields) {
        if (name == "identity")
            for (auto& one : parse_identities(value, "vector")) identities.push_back(std::move(one));
        if (name == "passphrase") identities.push_back(PassphraseIdentity{Secret(value)});
    }
    return identities;
}

std::string_view name_of(AgeFault fault) {
    switch (fault) {
        case AgeFault::header:
            return "header failure";
        case AgeFault::armor:
            return "armor failure";
        case AgeFault::payload:
            return "payload failure";
        case AgeFault::no_match:
            return "no match";
        case AgeFault::mac:
            return "HMAC failure";
    }
    return "";
}

struct Seen {
    std::string outcome;
    std::string released;
};

Seen open(const Vector& vector) {
    Seen seen{"success", {}};
    try {
        const auto form = vector.field("armored") == "yes" ? AgeForm::armored : AgeForm::binary;
        AgeReader reader(read_from(vector.file), identities_of(vector), form);
        while (const auto chunk = reader.next()) seen.released += *chunk;
    } catch (const AgeError& error) {
        seen.outcome = name_of(error.fault());
    }
    return seen;
}

bool is_hybrid(const std::string& name) {
    return name.find("hybrid") != std::string::npos;
}

}  // namespace

TEST_CASE("every vector of the age test kit does what it names", "[age]") {
    const auto specs = test::specs_folder("age-testkit");
    if (!specs) {
        std::cout << "SKIPPED: the age test kit (set KAVI_SPECS to the folder that holds age-testkit)\n";
        return;
    }
    int run = 0;
    std::set<std::string> others;
    for (const auto& entry : std::filesystem::directory_iterator(*specs / "age-testkit")) {
        const auto name = entry.path().filename().string();
        if (is_hybrid(name)) {
            others.insert(name);  // the post-quantum recipients, which OpenSSL 3.0 has no parts for
            continue;
        }
        CAPTURE(name);
        const auto vector = read_vector(entry.path());
        const auto seen = open(vector);
        CHECK(seen.outcome == vector.field("expect"));
        if (!vector.field("payload").empty()) CHECK(hex(sha256(seen.released)) == vector.field("payload"));
        ++run;
    }
    CHECK(run + others.size() == 143);
    CHECK(others.size() == 19);
}
