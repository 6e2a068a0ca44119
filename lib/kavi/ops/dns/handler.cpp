#include "wire.hpp"

#include <kavi/base/error_codes.hpp>
#include <kavi/base/text.hpp>
#include <kavi/ops/dns/handler.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <unordered_map>

namespace kavi::ops {
namespace {

using Kind = DnsChange::Kind;

constexpr int attempts = 3;

const DnsChange& change_of(const plan::Action& action) {
    const auto* change = dynamic_cast<const DnsChange*>(action.payload.get());
    if (!change) throw Error(errors::internal, fmt::format("{} has no DNS change", action.id));
    return *change;
}

std::string key_of(const model::Record& record) {
    return fmt::format("{}\n{}\n{}", record.name, record.type, record.value);
}

/// A record with all that a change sets.
bool is_as_asked(const model::Record& asked, const model::Record& is) {
    return asked.type == is.type && asked.name == is.name && asked.value == is.value &&
           asked.proxied == is.proxied && (asked.proxied || asked.ttl == is.ttl) &&
           asked.comment == is.comment;
}

}  // namespace

/// One call's worth of changes, and what came of it.
class DnsHandler::Batch {
  public:
    Batch(const DnsHandler& handler, std::span<const plan::Action* const> actions) : handler_(handler) {
        for (const auto* action : actions) {
            const auto& change = change_of(*action);
            zone_id_ = change.zone_id;
            add(change);
        }
        order();
    }

    void apply(std::stop_token stop) {
        handler_.images_.intended(images_);
        // A batch that is under way is waited for, whatever is asked meanwhile: else nobody would know.
        for (int attempt = 1;; ++attempt) {
            const auto answer = handler_.client_.batch(zone_id_, body_, {});
            if (const auto* applied = std::get_if<api::BatchApplied>(&answer)) return settle(*applied);
            if (const auto* refused = std::get_if<api::BatchRefused>(&answer)) {
                // An earlier attempt may have been carried out after it was looked for.
                if (attempt > 1 && found_done(refused->error)) return;
                throw explained(*refused);
            }
            const auto& unknown = std::get<api::BatchUnknown>(answer);
            if (found_done(unknown.error)) return;
            if (attempt == attempts || stop.stop_requested()) throw not_done(unknown.error);
            handler_.clock_.sleep_for(std::chrono::seconds(1 << attempt), stop);
        }
    }

  private:
    void add(const DnsChange& change) {
        RecordImage image{.zone = change.zone, .before = change.before};
        if (change.kind == Kind::remove) {
            body_.deletes.push_back(change.before->id);
        } else {
            image.after = LiveRecord{.record = change.after};
            if (!change.reference.empty()) image.after->record.value = resolved(change);
            if (change.kind == Kind::update) {
                image.after->id = change.before->id;
                image.after->tags = change.before->tags;
                image.after->settings = change.before->settings;
                body_.patches.push_back(body_of(image.after->record, change.before->id));
            } else {
                image.after->tags = change.tags;
                image.after->settings = change.record_settings;
                auto body = body_of(image.after->record);
                if (!change.tags.empty()) body.tags = change.tags;
                body.settings = change.record_settings;
                body_.posts.push_back(std::move(body));
            }
        }
        images_.push_back(std::move(image));
    }

    std::string resolved(const DnsChange& change) const {
        const auto address = handler_.resolve_ ? handler_.resolve_(change.reference) : std::nullopt;
        if (!address)
            throw Error(errors::dns_failed, fmt::format("the address of {} isn't known", change.reference))
                .because(fmt::format("{} is to point there", change.after.name));
        auto value = model::normal_value(change.after.type, *address);
        if (!value)
            throw Error(errors::dns_failed,
                        fmt::format("{} of {} {}", *address, change.reference, value.error()));
        return *value;
    }

    /// DS records go before their NS records, and come after them.
    void order() {
        const auto is_ds = [this](const std::string& id) {
            return std::ranges::any_of(images_, [&](const RecordImage& image) {
                return image.before && image.before->id == id && image.before->record.type == "DS";
            });
        };
        const bool any_ds = std::ranges::any_of(images_, [](const RecordImage& image) {
            return image.before && image.before->record.type == "DS";
        });
        if (any_ds) std::ranges::stable_partition(body_.deletes, is_ds);
        std::ranges::stable_partition(body_.posts, [](const auto& post) { return post.type != "DS"; });
    }

    /// The answer has the records as they are now: new ids, and whether they are proxied indeed.
    void settle(const api::BatchApplied& applied) {
        std::unordered_map<std::string, LiveRecord> patched, posted;
        for (const auto& record : applied.patches) patched.emplace(record.id, live_record(record));
        for (const auto& record : applied.posts) {
            auto live = live_record(record);
            auto key = key_of(live.record);
            posted.emplace(std::move(key), std::move(live));
        }
        take(patched, posted);
    }

    void take(const std::unordered_map<std::string, LiveRecord>& by_id,
              const std::unordered_map<std::string, LiveRecord>& by_key) {
        std::vector<std::string> odd;
        for (auto& image : images_) {
            if (!image.after) continue;
            const auto& found =
                image.before ? by_id.find(image.before->id) : by_key.find(key_of(image.after->record));
            if (found == (image.before ? by_id.end() : by_key.end())) continue;
            const auto& is = found->second;
            image.after->id = is.id;
            if (image.after->record.proxied && !is.record.proxied)
                odd.push_back(fmt::format("{} {}", is.record.type, is.record.name));
            image.after->record = is.record;
        }
        handler_.images_.done(images_);
        if (odd.empty()) return;
        Error error(errors::dns_failed,
                    fmt::format("{} isn't proxied though Cloudflare took the change", odd.front()));
        error.because("its target is one that Cloudflare doesn't proxy; its address is public now");
        for (std::size_t i = 1; i < odd.size(); ++i) error.because("the same: " + odd[i]);
        throw error.fix("set proxied = false, or give it another target");
    }

    /// After an answer that says nothing: lists the zone. True: it was done. Throws where neither is true.
    bool found_done(const Error& error) {
        std::unordered_map<std::string, LiveRecord> by_id, by_key;
        const auto begin = [&](std::size_t) {
            by_id.clear();
            by_key.clear();
        };
        const auto collect = [&](api::CloudflareRecord record) {
            auto live = live_record(std::move(record));
            by_key.emplace(key_of(live.record), live);
            by_id.emplace(live.id, std::move(live));
        };
        list(begin, collect, error);
        std::size_t done = 0;
        for (const auto& image : images_) done += is_done(image, by_id, by_key) ? 1 : 0;
        if (done == images_.size()) {
            take(by_id, by_key);
            return true;
        }
        if (done == 0) return false;
        return is_batch_undone(by_id, by_key) ? false : throw mixed(error, done);
    }

    void list(const std::function<void(std::size_t)>& begin,
              const std::function<void(api::CloudflareRecord)>& collect,
              const Error& error) const {
        try {
            handler_.client_.list_records(zone_id_, begin, collect, {});
        } catch (const Error& listing) {
            Error both(listing.code(), "Cloudflare may have made the change or not: no answer came");
            both.because(error.message()).because("and the zone couldn't be listed: " + listing.message());
            throw both.fix("run the command again: it looks at what is there now");
        }
    }

    using ById = std::unordered_map<std::string, LiveRecord>;

    static bool is_done(const RecordImage& image, const ById& by_id, const ById& by_key) {
        if (!image.after) return !by_id.contains(image.before->id);
        if (image.before) {
            const auto found = by_id.find(image.before->id);
            return found != by_id.end() && is_as_asked(image.after->record, found->second.record);
        }
        const auto found = by_key.find(key_of(image.after->record));
        return found != by_key.end() && is_as_asked(image.after->record, found->second.record);
    }

    static bool is_undone(const RecordImage& image, const ById& by_id, const ById& by_key) {
        if (!image.before) return !by_key.contains(key_of(image.after->record));
        const auto found = by_id.find(image.before->id);
        return found != by_id.end() && is_as_asked(image.before->record, found->second.record);
    }

    bool is_batch_undone(const ById& by_id, const ById& by_key) const {
        return std::ranges::all_of(images_,
                                   [&](const RecordImage& one) { return is_undone(one, by_id, by_key); });
    }

    Error mixed(const Error& error, std::size_t done) const {
        Error mixed(errors::dns_failed, "somebody else changed the zone while Cloudflare's answer was lost");
        mixed.because(error.message());
        mixed.because(fmt::format("{} of {} changes are there", done, images_.size()));
        return mixed.fix("run the command again: it plans from what is there now");
    }

    static Error not_done(const Error& error) {
        Error failed(error.code(), "Cloudflare didn't make the change");
        failed.because(error.message());
        for (const auto& cause : error.causes())
            if (cause != net::unknown_outcome) failed.because(cause);
        failed.because("listed again: everything is as it was before");
        return failed.fix("run the command again");
    }

    /// Names the item that Cloudflare means, where it can be told.
    Error explained(const api::BatchRefused& refused) const {
        auto error = refused.error;
        if (error.code() != errors::dns_failed) return error;
        if (const auto item = pointed_at(refused.pointer); !item.empty())
            error.because("it is about " + item);
        if (body_.size() > 1)
            error.because(fmt::format("none of the {} changes of this batch was made: they are made together",
                                      body_.size()));
        const bool stale = refused.code == 81044 || refused.code == 81057 || refused.code == 81058 ||
                           refused.code == 81053 || refused.code == 81054;
        if (stale) error.because("somebody else changed the zone since kavi looked at it");
        return error.fix("run the command again: it plans from what is there now");
    }

    /// "/posts/3/content" → "A wiki.kua.cl".
    std::string pointed_at(std::string_view pointer) const {
        const auto parts = split(pointer, '/');
        if (images_.size() == 1) return name_of(images_.front());
        if (parts.size() < 3) return {};
        std::size_t index = 0;
        const auto& digits = parts[2];
        if (std::from_chars(digits.data(), digits.data() + digits.size(), index).ec != std::errc{}) return {};
        const auto* list = parts[1] == "posts"     ? &body_.posts
                           : parts[1] == "patches" ? &body_.patches
                                                   : nullptr;
        if (!list || index >= list->size()) return {};
        return fmt::format("{} {}", (*list)[index].type, (*list)[index].name);
    }

    static std::string name_of(const RecordImage& image) {
        const auto& record = image.after ? image.after->record : image.before->record;
        return fmt::format("{} {}", record.type, record.name);
    }

    const DnsHandler& handler_;
    std::string zone_id_;
    api::CloudflareBatch body_;
    std::vector<RecordImage> images_;
};

DnsHandler::DnsHandler(api::CloudflareClient& client,
                       Clock& clock,
                       ImageSink& images,
                       ResolveReference resolve)
    : client_(client), clock_(clock), images_(images), resolve_(std::move(resolve)) {}

void DnsHandler::apply(std::span<const plan::Action* const> batch, std::stop_token stop) {
    const auto& first = change_of(*batch.front());
    if (first.kind == Kind::setting) {
        for (const auto* action : batch) {
            const auto& change = change_of(*action);
            client_.change_setting(change.zone_id, change.setting, change.value, stop);
        }
        return;
    }
    Batch(*this, batch).apply(stop);
}

}  // namespace kavi::ops
