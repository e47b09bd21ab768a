#pragma once
// What a cloud's replies say, checked once: machines, health, events, tokens, refusals. Total
// functions; JSON stays behind them.

#include "backend/metal/provider.h"
#include "base/result.h"
#include "base/time.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::backend::metal {

/// A machine as its cloud describes it. Texts are bounded and without control characters.
struct Record {
    std::string id;
    std::string word; // the state in the API's own word
    bmc::PowerState power = bmc::PowerState::unknown;
    std::string name;
    std::string product;
    std::string serial;
    std::string place;
    std::string project;
    std::map<std::string, std::string> tags;
};

struct Page {
    std::vector<Record> records;
    std::size_t items = 0; // on the page, also those that made no sense
    std::string next;      // cursor
};

struct CloudEvent {
    std::string id;
    std::string device;
    std::string type;
    std::string state;
};

struct Token {
    Secret value;
    Duration lifetime{};
};

Result<Record> read_record(const Provider& provider, const std::string& body);
Result<Page> read_page(const Provider& provider, const std::string& body);

/// The word at `field`; empty when there is none.
std::string read_word(const std::string& body, std::string_view field);

/// Newest first, as the API gives them.
std::vector<CloudEvent> read_events(const std::string& body);

Result<Token> read_token(const std::string& body);

/// How an action gets on that a cloud carries out behind its reply.
struct Progress {
    std::string id;
    bool runs = false;
    std::string failure; // why it failed; empty: it did not
};

Progress read_progress(const std::string& body);

/// Whose call it was, for error texts.
struct Subject {
    const Provider& provider;
    std::string device; // empty: a list
    std::string doing;  // "power off"
};

/// What a status that is no success means, with the API's own words behind it.
Error refusal(const Subject& subject, const net::HttpResponse& response);

/// How long no call may be made: from a 429, or from a success that was the last allowed one.
std::optional<Duration>
pause_of(const Provider& provider, const net::HttpResponse& response, Wall now);

} // namespace vbmc::backend::metal
