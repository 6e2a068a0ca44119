#include <kavi/ops/stacks/record.hpp>

namespace kavi::ops {

namespace {

Json made_json(const Made& made) {
    return {{"image", made.image}, {"inputs", made.inputs}, {"key", made.key}, {"release", made.release}};
}

const Json* member(const Json& object, std::string_view key, Json::value_t type) {
    if (!object.is_object()) return nullptr;
    const auto found = object.find(key);
    return found != object.end() && found->type() == type ? &*found : nullptr;
}

Made read_made(const Json& json) {
    Made made{.image = string_or(json, "image"),
              .inputs = {},
              .key = string_or(json, "key"),
              .release = string_or(json, "release")};
    if (const auto* inputs = member(json, "inputs", Json::value_t::object))
        for (const auto& [name, digest] : inputs->items())
            if (digest.is_string()) made.inputs[name] = digest.get<std::string>();
    return made;
}

bool flag(const Json& json, std::string_view key) {
    const auto* value = member(json, key, Json::value_t::boolean);
    return value != nullptr && value->get<bool>();
}

ServiceRecord read_service(const Json& json) {
    ServiceRecord service{.container = string_or(json, "container"),
                          .made = read_made(json),
                          .pending = {},
                          .adopted = flag(json, "adopted"),
                          .kept = string_or(json, "kept")};
    if (const auto* pending = member(json, "pending", Json::value_t::object))
        service.pending = read_made(*pending);
    return service;
}

Json service_json(const ServiceRecord& service) {
    auto json = made_json(service.made);
    json["container"] = service.container;
    if (service.pending) json["pending"] = made_json(*service.pending);
    if (service.adopted) json["adopted"] = true;
    if (!service.kept.empty()) json["kept"] = service.kept;
    return json;
}

}  // namespace

Json to_json(const StackRecord& record) {
    auto services = Json::object();
    for (const auto& [name, service] : record.services) services[name] = service_json(service);
    return {{"version", 1},
            {"services", std::move(services)},
            {"files", record.files},
            {"release",
             {{"id", record.release}, {"open", record.release_open}, {"before", record.release_before}}}};
}

StackRecord read_stack_record(const Json& json) {
    StackRecord record;
    if (const auto* services = member(json, "services", Json::value_t::object))
        for (const auto& [name, service] : services->items()) record.services[name] = read_service(service);
    if (const auto* files = member(json, "files", Json::value_t::array))
        for (const auto& file : *files)
            if (file.is_string()) record.files.push_back(file.get<std::string>());
    if (const auto* release = member(json, "release", Json::value_t::object)) {
        record.release = string_or(*release, "id");
        record.release_open = flag(*release, "open");
        record.release_before = string_or(*release, "before");
    }
    return record;
}

}  // namespace kavi::ops
