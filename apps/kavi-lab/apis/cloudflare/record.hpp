#pragma once

#include <kavi/base/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kavi::lab::cloudflare {

/// One record as the zone keeps it.
struct Record {
    std::string id, type, name, content;
    std::int64_t ttl = 1;
    bool proxied = false, proxiable = false, private_routing = false, read_only = false;
    std::optional<std::int64_t> priority;
    Json data = nullptr;
    Json settings = Json::object();
    std::optional<std::string> comment;
    std::vector<std::string> tags;
    std::string created, modified, comment_modified, tags_modified;
    std::string rendered;  ///< its JSON text, kept since lists are long
};

Json to_json(const Record& record);

/// What a plan allows. Source: docs of 2026-08.
struct Plan {
    std::string name = "free";
    std::int64_t quota = 200;
    std::size_t batch = 200, comment = 100, tags = 0;
    std::int64_t shortest_ttl = 60;
};

Plan plan_of(const std::string& name);

enum class Write { create, overwrite, edit };

/// The record that a request's body asks for, checked and normalised as the server does. For Write::edit the
/// members of `before` stand where the body says nothing; id and dates are the caller's. Throws Problem.
Record make_record(
    const Json& body, const std::string& zone, const Plan& plan, Write how, const Record* before);

}  // namespace kavi::lab::cloudflare
