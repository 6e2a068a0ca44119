#include "zone.hpp"

#include "problem.hpp"

#include <kavi/base/clock.hpp>
#include <kavi/base/text.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace kavi::lab::cloudflare {
namespace {

bool is_address(const Record& record) {
    return record.type == "A" || record.type == "AAAA";
}

bool is_identical(const Record& a, const Record& b) {
    return a.type == b.type && a.content == b.content && a.priority == b.priority && a.data == b.data;
}

Problem managed() {
    return {400,
            1046,
            "This record is managed by Email Routing. Disable Email Routing to modify/remove this record."};
}

void stamp(Record& record, const Record* before) {
    const auto now = timestamp();
    record.modified = now;
    record.created = before ? before->created : now;
    const bool same_comment = before && before->comment == record.comment;
    if (record.comment) record.comment_modified = same_comment ? before->comment_modified : now;
    const bool same_tags = before && before->tags == record.tags;
    if (!record.tags.empty()) record.tags_modified = same_tags ? before->tags_modified : now;
    record.rendered = to_json(record).dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string timestamp() {
    const auto now = std::chrono::system_clock::now();
    const auto micros =
        std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count() % 1'000'000;
    auto text = iso8601(now);
    text.pop_back();
    return fmt::format("{}.{:06}Z", text, micros);
}

std::string new_identifier() {
    return hex(random_bytes(16));
}

Zone::Zone(std::string name, Plan plan, std::int64_t quota)
    : id_(hex(sha256("zone " + name)).substr(0, 32)),
      name_(std::move(name)),
      plan_(std::move(plan)),
      quota_(quota > 0 ? quota : plan_.quota) {
    created = timestamp();
    for (const auto& [setting, value] :
         {std::pair{"ssl", "full"}, {"always_use_https", "off"}, {"min_tls_version", "1.0"}})
        settings[setting] = {{"value", value}, {"modified_on", nullptr}};
}

std::uint64_t Zone::place_of(const std::string& id) const {
    const auto found = by_id_.find(id);
    if (found == by_id_.end()) throw no_such_record();
    return found->second;
}

const Record& Zone::at(const std::string& id) const {
    return records_.at(place_of(id));
}

std::vector<const Record*> Zone::named(const std::string& name) const {
    std::vector<const Record*> found;
    const auto [begin, end] = by_name_.equal_range(name);
    for (auto at = begin; at != end; ++at) found.push_back(&records_.at(at->second));
    std::ranges::sort(found, {}, &Record::created);
    return found;
}

void Zone::check_neighbours(const Record& record, std::uint64_t except) const {
    const bool delegates = record.type == "NS" && record.name != name_;
    bool has_delegation = false;
    const auto [begin, end] = by_name_.equal_range(record.name);
    for (auto at = begin; at != end; ++at) {
        if (at->second == except) continue;
        const auto& other = records_.at(at->second);
        has_delegation = has_delegation || other.type == "NS";
        if (is_identical(record, other)) throw Problem{400, 81058, "An identical record already exists."};
        if (record.type == "CNAME" && (is_address(other) || other.type == "CNAME"))
            throw Problem{400, 81053, "An A, AAAA, or CNAME record with that host already exists."};
        if (is_address(record) && other.type == "CNAME")
            throw Problem{400, 81054, "A CNAME record with that host already exists."};
        if (delegates && other.type != "NS" && other.type != "DS")
            throw Problem{400, 81055, "Non-NS records with that host already exist."};
        if (other.type == "NS" && other.name != name_ && record.type != "NS" && record.type != "DS")
            throw Problem{400, 81056, "NS records with that host already exist."};
    }
    if (record.type == "DS" && !has_delegation)
        throw Problem{400, 9007, "A DS record needs an NS record with the same host.", "/name"};
}

/// All records of one name and type together may have 8,192 characters.
void Zone::check_names_size(const Record& record, std::uint64_t except) const {
    std::size_t size = record.content.size();
    const auto [begin, end] = by_name_.equal_range(record.name);
    for (auto at = begin; at != end; ++at) {
        const auto& other = records_.at(at->second);
        if (at->second != except && other.type == record.type) size += other.content.size();
    }
    if (size > 8192)
        throw Problem{
            400, 83011, "The records of this name and type exceed 8192 characters together.", "/content"};
}

void Zone::remember(std::uint64_t place) {
    if (!undo_) return;
    const auto found = records_.find(place);
    const bool existed = found != records_.end();
    undo_->push_back({place, existed, existed ? found->second : Record{}});
}

void Zone::put(std::uint64_t place, Record record) {
    erase(place);
    by_id_[record.id] = place;
    by_name_.emplace(record.name, place);
    records_.insert_or_assign(place, std::move(record));
}

void Zone::erase(std::uint64_t place) {
    const auto found = records_.find(place);
    if (found == records_.end()) return;
    by_id_.erase(found->second.id);
    const auto [begin, end] = by_name_.equal_range(found->second.name);
    by_name_.erase(std::find_if(begin, end, [&](const auto& entry) { return entry.second == place; }));
    records_.erase(found);
}

Record Zone::create(const Json& body) {
    auto record = make_record(body, name_, plan_, Write::create, nullptr);
    check_neighbours(record, 0);
    check_names_size(record, 0);
    if (std::ssize(records_) >= quota_) throw Problem{400, 81045, "Record quota exceeded."};
    record.id = new_identifier();
    record.read_only =
        body.contains("meta") && body["meta"].is_object() && body["meta"].value("read_only", false);
    stamp(record, nullptr);
    const auto place = ++last_place_;
    remember(place);
    put(place, record);
    return record;
}

Record Zone::write(const std::string& id, const Json& body, Write how) {
    const auto place = place_of(id);
    const auto before = records_.at(place);
    if (before.read_only) throw managed();
    auto record = make_record(body, name_, plan_, how, &before);
    check_neighbours(record, place);
    check_names_size(record, place);
    record.id = id;
    stamp(record, &before);
    remember(place);
    put(place, record);
    return record;
}

Record Zone::remove(const std::string& id) {
    const auto place = place_of(id);
    auto record = records_.at(place);
    if (record.read_only) throw managed();
    const auto neighbours = named(record.name);
    const auto count = [&](const char* type) {
        return std::ranges::count_if(neighbours, [&](const Record* one) { return one->type == type; });
    };
    if (record.type == "NS" && count("NS") == 1 && count("DS") > 0)
        throw Problem{400, 9007, "The DS records of this host have to be deleted before its last NS record."};
    remember(place);
    erase(place);
    return record;
}

void Zone::transact(const std::function<void()>& changes) {
    std::vector<Undo> undo;
    undo_ = &undo;
    try {
        changes();
        undo_ = nullptr;
    } catch (...) {
        undo_ = nullptr;
        for (auto step = undo.rbegin(); step != undo.rend(); ++step)
            step->existed ? put(step->place, std::move(step->before)) : erase(step->place);
        throw;
    }
}

}  // namespace kavi::lab::cloudflare
