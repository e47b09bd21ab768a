#include "base/log.h"

#include <spdlog/async.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/sinks/systemd_sink.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace vbmc {

namespace {

constexpr std::size_t queue_lines_max = 8192; // older lines go first when it overflows

spdlog::level::level_enum to_spdlog(Level level) {
    switch (level) {
    case Level::debug:
        return spdlog::level::debug;
    case Level::info:
        return spdlog::level::info;
    case Level::warn:
        return spdlog::level::warn;
    case Level::error:
        return spdlog::level::err;
    }
    return spdlog::level::info;
}

std::shared_ptr<spdlog::logger>& logger() {
    static std::shared_ptr<spdlog::logger> instance;
    return instance;
}

bool needs_quotes(std::string_view value) {
    return value.empty() || value.find_first_of(" =\"\\") != std::string_view::npos;
}

} // namespace

void start_log(LogTarget target, Level threshold) {
    spdlog::init_thread_pool(queue_lines_max, 1);
    spdlog::sink_ptr sink;
    if (target == LogTarget::journal) {
        sink = std::make_shared<spdlog::sinks::systemd_sink_mt>("vbmcd");
    } else {
        sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
        sink->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %^%l%$ %v");
    }
    logger() = std::make_shared<spdlog::async_logger>(
        "vbmcd", sink, spdlog::thread_pool(), spdlog::async_overflow_policy::overrun_oldest
    );
    logger()->set_level(to_spdlog(threshold));
    logger()->flush_on(spdlog::level::info);
}

void set_log_level(Level threshold) {
    if (logger()) {
        logger()->set_level(to_spdlog(threshold));
    }
}

void stop_log() {
    logger().reset();
    spdlog::shutdown();
}

void log(Level level, std::string_view event, std::initializer_list<LogField> fields) {
    const auto& target = logger();
    if (!target || !target->should_log(to_spdlog(level))) {
        return;
    }
    std::string line = "event=";
    line += event;
    for (const LogField& field : fields) {
        const std::string value = escape_for_log(field.value);
        line += ' ';
        line += field.key;
        line += '=';
        line += needs_quotes(field.value) ? '"' + value + '"' : value;
    }
    target->log(to_spdlog(level), spdlog::string_view_t(line.data(), line.size()));
}

std::string escape_for_log(std::string_view text) {
    static constexpr char hex[] = "0123456789abcdef";
    std::string out;
    out.reserve(text.size());
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20 || byte >= 0x7f) {
            out += "\\x";
            out += hex[byte >> 4];
            out += hex[byte & 15];
        } else {
            out += c;
        }
    }
    return out;
}

} // namespace vbmc
