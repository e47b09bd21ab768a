#include "backend/metal/reply.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <charconv>

namespace vbmc::backend::metal {

namespace {

using Json = nlohmann::json;

constexpr std::size_t text_bytes_max = 200;
constexpr std::size_t id_bytes_max = 128;
constexpr std::size_t tags_max = 64;
constexpr std::chrono::seconds pause_max = std::chrono::hours(1);
constexpr auto pause_default = std::chrono::seconds(30);

Json parse(const std::string& text) {
    return Json::parse(text, nullptr, false);
}

/// "/a/0/b": nullptr when it is not there.
const Json* find(const Json& root, std::string_view path) {
    const Json* at = &root;
    while (!path.empty()) {
        path.remove_prefix(1);
        const auto slash = path.find('/');
        const std::string name(path.substr(0, slash));
        path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash);
        if (at->is_object()) {
            const auto found = at->find(name);
            if (found == at->end()) {
                return nullptr;
            }
            at = &*found;
        } else if (at->is_array()) {
            std::size_t index = 0;
            const auto [end, error] =
                std::from_chars(name.data(), name.data() + name.size(), index);
            if (error != std::errc{} || end != name.data() + name.size() || index >= at->size()) {
                return nullptr;
            }
            at = &(*at)[index];
        } else {
            return nullptr;
        }
    }
    return at;
}

/// Without what would disturb a terminal or a log line.
std::string plain(std::string text, std::size_t bytes_max = text_bytes_max) {
    std::replace_if(
        text.begin(), text.end(), [](char c) { return static_cast<u8>(c) < 0x20 || c == 0x7f; }, ' '
    );
    if (text.size() > bytes_max) {
        while (bytes_max > 0 && (static_cast<u8>(text[bytes_max]) & 0xc0) == 0x80) {
            --bytes_max; // not in the middle of a character
        }
        text.resize(bytes_max);
    }
    return text;
}

/// A text, or a whole number as text; empty when it is neither.
std::string text_of(const Json* value) {
    if (value == nullptr) {
        return {};
    }
    if (const auto* text = value->get_ptr<const Json::string_t*>()) {
        return plain(*text);
    }
    if (const auto* number = value->get_ptr<const Json::number_integer_t*>()) {
        return std::to_string(*number);
    }
    return {};
}

std::string text_at(const Json& root, std::string_view path) {
    return path.empty() ? std::string{} : text_of(find(root, path));
}

/// "env=prod" and "env:prod" are a name and a value, "prod" is a name.
void add_tag(std::map<std::string, std::string>& tags, const std::string& word) {
    const auto split = word.find_first_of("=:");
    if (tags.size() < tags_max && !word.empty() && split != 0) {
        tags[word.substr(0, split)] = split == std::string::npos ? "" : word.substr(split + 1);
    }
}

std::map<std::string, std::string> tags_of(const Json* value) {
    std::map<std::string, std::string> tags;
    if (value == nullptr) {
        return tags;
    }
    if (value->is_object()) {
        for (const auto& [name, entry] : value->items()) {
            if (tags.size() < tags_max && !name.empty()) {
                tags[plain(name)] = text_of(&entry);
            }
        }
    } else if (value->is_array()) {
        for (const Json& entry : *value) {
            if (!entry.is_object()) {
                add_tag(tags, text_of(&entry));
            } else if (const auto name = text_at(entry, "/name"); tags.size() < tags_max) {
                if (!name.empty()) {
                    tags[name] = text_at(entry, "/value");
                }
            }
        }
    }
    return tags;
}

std::string last_segment(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

std::optional<Record> record_of(const Provider& provider, const Json& item, bool needs_id) {
    const Fields& f = provider.fields;
    Record record;
    record.id = text_at(item, f.id);
    if (!item.is_object() || (needs_id && record.id.empty()) || record.id.size() > id_bytes_max) {
        return std::nullopt;
    }
    record.word = text_at(item, f.state);
    for (const StateRow& row : provider.states) {
        if (row.word == record.word) {
            record.power = row.state;
        }
    }
    record.name = text_at(item, f.name);
    record.product = text_at(item, f.product);
    record.serial = text_at(item, f.serial);
    record.place = text_at(item, f.place);
    record.project = last_segment(text_at(item, f.project));
    record.tags = f.tags.empty() ? record.tags : tags_of(find(item, f.tags));
    return record;
}

Error nonsense(const Provider& provider) {
    return Error(
               ErrorCode::unavailable,
               "BAD_REPLY",
               "the reply of " + std::string(provider.title) + " is not what its API describes"
    )
        .with_hint("check that the url option names the API, with its version");
}

/// The API's own words for what went wrong, wherever this kind of API has them.
std::string complaint(const std::string& body) {
    const Json json = parse(body);
    for (const char* path :
         {"/errors/0",
          "/errors/0/detail",
          "/errors/0/title",
          "/error/message",
          "/error",
          "/message"}) {
        if (auto text = text_of(find(json, path)); !text.empty()) {
            return ": " + text;
        }
    }
    return {};
}

constexpr const char* passing = " is at something else with this machine, ";

/// The machine is in somebody else's hands for a moment: its state does not forbid the call.
bool is_passing(const net::HttpResponse& response) {
    if (response.status == 423) {
        return true;
    }
    if (response.status != 409) {
        return false;
    }
    const Json json = parse(response.body);
    return text_at(json, "/error/code") == "conflict" ||
           text_at(json, "/type") == "transient_state";
}

std::optional<long long> number_in(std::string_view text) {
    long long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc{} || end != text.data() + text.size() || value < 0) {
        return std::nullopt;
    }
    return value;
}

} // namespace

Result<Record> read_record(const Provider& provider, const std::string& body) {
    const Json json = parse(body);
    const Json* item = find(json, provider.item);
    auto record = item == nullptr ? std::nullopt : record_of(provider, *item, false);
    if (!record) {
        return nonsense(provider);
    }
    return std::move(*record);
}

Result<Page> read_page(const Provider& provider, const std::string& body) {
    const Json json = parse(body);
    const Json* items = find(json, provider.list_items);
    if (items == nullptr || !items->is_array()) {
        return nonsense(provider);
    }
    Page page;
    page.items = items->size();
    for (const Json& item : *items) {
        if (auto record = record_of(provider, item, true)) {
            page.records.push_back(std::move(*record));
        }
    }
    page.next = text_at(json, provider.next);
    return page;
}

std::string read_word(const std::string& body, std::string_view field) {
    return text_at(parse(body), field);
}

std::vector<CloudEvent> read_events(const std::string& body) {
    const Json json = parse(body);
    const Json* items = find(json, "/events");
    std::vector<CloudEvent> events;
    if (items == nullptr || !items->is_array()) {
        return events;
    }
    for (const Json& item : *items) {
        CloudEvent event;
        event.id = text_at(item, "/id");
        event.type = text_at(item, "/type");
        event.state = text_at(item, "/state");
        const Json* relations = find(item, "/relationships");
        if (relations != nullptr && relations->is_array()) {
            for (const Json& relation : *relations) {
                const std::string href = text_at(relation, "/href");
                if (href.find("/devices/") != std::string::npos) {
                    event.device = last_segment(href);
                }
            }
        }
        if (!event.id.empty() && !event.device.empty()) {
            events.push_back(std::move(event));
        }
    }
    return events;
}

Result<Token> read_token(const std::string& body) {
    const Json json = parse(body);
    const Json* value = find(json, "/access_token");
    const auto* text = value == nullptr ? nullptr : value->get_ptr<const Json::string_t*>();
    if (text == nullptr || text->empty() || !net::is_field_value(*text)) {
        return Error(
                   ErrorCode::unavailable,
                   "BAD_REPLY",
                   "the token server's reply has no access_token"
        )
            .with_hint("check the token-url option");
    }
    const auto seconds = number_in(text_at(json, "/expires_in")).value_or(60);
    return Token{Secret(*text), std::chrono::seconds(std::clamp(seconds, 1LL, 86400LL))};
}

Progress read_progress(const std::string& body) {
    const Json json = parse(body);
    Progress progress;
    progress.id = text_at(json, "/action/id");
    const std::string status = text_at(json, "/action/status");
    progress.runs = status == "running";
    if (status == "error") {
        const std::string words = text_at(json, "/action/error/message");
        progress.failure = words.empty() ? "it does not say why" : words;
    }
    return progress;
}

Error refusal(const Subject& subject, const net::HttpResponse& response) {
    const std::string who = std::string(subject.provider.title);
    const std::string what =
        subject.doing + (subject.device.empty() ? "" : " of " + subject.device);
    const std::string words = complaint(response.body);
    const std::string status = " (" + std::to_string(response.status) + ")";
    if (is_passing(response)) {
        return Error(ErrorCode::resource_exhausted, "BACKEND_BUSY", who + passing + what + words)
            .with_hint("try again when that is done");
    }
    switch (response.status) {
    case 401:
        return Error(
                   ErrorCode::unauthenticated,
                   "BACKEND_UNAUTHENTICATED",
                   who + " does not accept the token" + status + ", " + what + words
        )
            .with_hint(
                "make a new token in " + std::string(subject.provider.portal) +
                " and set it as the token option"
            );
    case 403:
        return Error(
                   ErrorCode::permission_denied,
                   "BACKEND_FORBIDDEN",
                   who + " does not allow this token to do that" + status + ", " + what + words
        )
            .with_hint("the token needs the right to write, in the project of the machine");
    case 404:
        return Error(
                   ErrorCode::not_found,
                   "BACKEND_NOT_FOUND",
                   who + " does not know what was asked for" + status + ", " + what + words
        )
            .with_hint("check the uuid, zone and project options; the machine may be deleted");
    case 400:
    case 409:
    case 412:
    case 422:
        return Error(
                   ErrorCode::failed_precondition,
                   "BACKEND_REFUSED",
                   who + " refuses it now" + status + ", " + what + words
        )
            .with_hint("the machine's state may forbid it, or it is locked");
    case 429:
        return Error(
                   ErrorCode::resource_exhausted,
                   "BACKEND_RATE_LIMIT",
                   who + " allows no more calls for now" + status + ", " + what
        )
            .with_hint("it goes on by itself; fewer clients of this token make it rarer");
    default:
        break;
    }
    if (response.status >= 500) {
        return Error(
                   ErrorCode::unavailable,
                   "BACKEND_FAILS",
                   who + " fails" + status + ", " + what + words
        )
            .with_hint("it is tried again; see the provider's status page when it lasts");
    }
    return Error(
               ErrorCode::internal,
               "BACKEND_UNEXPECTED",
               who + " answers with an unexpected status" + status + ", " + what + words
    )
        .with_hint("check that the url option names the API, with its version");
}

std::optional<Duration>
pause_of(const Provider& provider, const net::HttpResponse& response, Wall now) {
    const bool last = !provider.remaining_header.empty() &&
                      number_in(response.field(provider.remaining_header)) == 0;
    if (response.status != 429 && !last) {
        return std::nullopt;
    }
    std::optional<Duration> pause;
    if (const auto at = number_in(response.field(provider.reset_header))) {
        const auto reset = std::chrono::seconds(std::clamp<long long>(*at, 0, 100'000'000'000));
        const auto today = std::chrono::floor<std::chrono::seconds>(now.time_since_epoch());
        pause = std::clamp<std::chrono::seconds>(reset - today, std::chrono::seconds(0), pause_max);
    } else if (const auto in = number_in(response.field("Retry-After"))) {
        pause = std::min(std::chrono::seconds(std::clamp<long long>(*in, 0, 1'000'000)), pause_max);
    } else if (response.status == 429) {
        pause = pause_default;
    }
    if (!pause) {
        return std::nullopt;
    }
    return std::clamp<Duration>(*pause, std::chrono::seconds(1), pause_max);
}

} // namespace vbmc::backend::metal
