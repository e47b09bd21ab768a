#include "vbmcctl/progress.h"

#include "vbmcctl/text.h"

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ostream>

namespace vbmc::ctl {

using namespace std::chrono_literals;

namespace {

constexpr Duration redraw_every = 100ms;

double seconds_of(Duration span) {
    return std::chrono::duration<double>(span).count();
}

std::string two_digits(long long value) {
    return value < 10 ? "0" + std::to_string(value) : std::to_string(value);
}

} // namespace

std::string duration_text(Duration span) {
    const long long ms = std::chrono::duration_cast<std::chrono::milliseconds>(span).count();
    if (ms < 1000) {
        return std::to_string(ms) + "ms";
    }
    const long long s = ms / 1000;
    if (s < 60) {
        return std::to_string(s) + "s";
    }
    if (s < 3600) {
        return std::to_string(s / 60) + "m" + two_digits(s % 60) + "s";
    }
    if (s < 86400) {
        return std::to_string(s / 3600) + "h" + two_digits(s % 3600 / 60) + "m";
    }
    return std::to_string(s / 86400) + "d" + two_digits(s % 86400 / 3600) + "h";
}

Result<Duration> parse_duration(std::string_view text) {
    struct Unit {
        std::string_view name;
        double seconds;
    };

    static constexpr std::array<Unit, 6> units = {
        {{"", 1.0}, {"s", 1.0}, {"ms", 0.001}, {"m", 60.0}, {"h", 3600.0}, {"d", 86400.0}}};
    const std::string whole(trim(text));
    const std::size_t digits = std::min(whole.find_first_not_of("0123456789."), whole.size());
    const std::string number = whole.substr(0, digits);
    const std::string_view unit = std::string_view(whole).substr(digits);
    char* end = nullptr;
    const double value = std::strtod(number.c_str(), &end);
    for (const Unit& known : units) {
        if (!number.empty() && *end == '\0' && known.name == unit && value * known.seconds < 1e9) {
            return Duration(std::llround(value * known.seconds * 1e9));
        }
    }
    return Error(ErrorCode::invalid_argument, "'" + whole + "' is not a duration")
        .with_hint("write 250ms, 2s, 5m or 1h");
}

Progress::Progress(std::ostream& err, Mode mode, std::string verb, std::size_t total, Duration now)
    : err_(err), mode_(mode), verb_(std::move(verb)), total_(total), started_(now) {}

std::string Progress::line(Duration now) const {
    const Duration spent = now - started_;
    std::string text = verb_ + ": " + std::to_string(done_) + "/" + std::to_string(total_);
    if (failed_ > 0) {
        text += ", " + std::to_string(failed_) + " failed";
    }
    const double seconds = seconds_of(spent);
    if (seconds > 0.05 && done_ > 0) {
        const double rate = static_cast<double>(done_) / seconds;
        std::array<char, 32> shown{};
        std::snprintf(shown.data(), shown.size(), rate < 10 ? ", %.1f/s" : ", %.0f/s", rate);
        text += shown.data();
        if (total_ > done_) {
            const double left = static_cast<double>(total_ - done_) / rate;
            text += ", " + duration_text(Duration(std::llround(left * 1e9))) + " left";
        }
    }
    return text;
}

void Progress::add(bool ok, Duration now) {
    ++done_;
    failed_ += ok ? 0 : 1;
    if (mode_ == Mode::off || total_ < worth_it) {
        return;
    }
    if (mode_ == Mode::redraw) {
        if (!visible_ || now - drawn_ >= redraw_every) {
            err_ << "\r\x1b[K" << line(now) << std::flush;
            drawn_ = now;
            visible_ = true;
        }
        return;
    }
    const std::size_t tenths = done_ * 10 / total_;
    if (tenths > tenths_shown_) {
        tenths_shown_ = tenths;
        err_ << line(now) << " (" << tenths * 10 << " %)\n" << std::flush;
    }
}

void Progress::finish(Duration) {
    if (visible_) {
        err_ << "\r\x1b[K" << std::flush;
        visible_ = false;
    }
}

} // namespace vbmc::ctl
