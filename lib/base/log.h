#pragma once
// Log lines for operators: a stable event id and key=value pairs. Hides the logging library;
// nothing at or below lib/endpoint may log. Values are escaped; secrets have no way in.
//
//     log(Level::warn, "node.bind_failed", {{"node", name}, {"address", peer.to_string()}});
//
// error = we failed and a human should look; warn = a peer or a backend failed; info = life cycle.

#include <initializer_list>
#include <string>
#include <string_view>

namespace vbmc {

enum class Level { debug, info, warn, error };

struct LogField {
    LogField(std::string_view key_, std::string_view value_) : key(key_), value(value_) {}

    LogField(std::string_view key_, const char* value_) : key(key_), value(value_) {}

    LogField(std::string_view key_, const std::string& value_) : key(key_), value(value_) {}

    LogField(std::string_view key_, long long value_) : key(key_), value(std::to_string(value_)) {}

    std::string_view key;
    std::string value;
};

enum class LogTarget { standard_error, journal };

/// Once, from main, before any other thread. Until then log() writes nothing.
void start_log(LogTarget target, Level threshold);

void set_log_level(Level threshold);

/// Flushes and ends the log's thread.
void stop_log();

void log(Level level, std::string_view event, std::initializer_list<LogField> fields = {});

/// Control characters, quotes and non-UTF-8 as \xNN: names come from the network.
std::string escape_for_log(std::string_view text);

} // namespace vbmc
