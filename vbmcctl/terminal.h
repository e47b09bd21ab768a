#pragma once
// The two streams that vbmcctl writes: what was asked for to `out`, everything about it to `err`.
// One object, made by main; the main thread only.

#include "base/result.h"

#include <cstddef>
#include <iosfwd>
#include <string>
#include <string_view>

namespace vbmc::ctl {

enum class ColorMode { automatic, always, never };

/// "auto", "always", "never".
Result<ColorMode> parse_color_mode(std::string_view text);

enum class Style { plain, bold, dim, good, bad, warning, added, removed };

struct Terminal {
    std::ostream& out;
    std::ostream& err;
    bool out_is_tty = false;
    bool err_is_tty = false;
    bool in_is_tty = false;
    bool out_color = false;
    bool err_color = false;
    bool quiet = false;

    /// Standard streams; NO_COLOR, TERM and what is a terminal decide in the automatic mode.
    static Terminal standard();

    void set_color(ColorMode mode);

    /// `vbmcctl: SUBJECT: message`, then `hint: ...`; SUBJECT may be empty ("node n1").
    void report(const Error& error, std::string_view subject = {}) const;

    /// `vbmcctl: warning: text`; not silenced by quiet.
    void warn(std::string_view text) const;

    /// A line for people on `err`, unless quiet.
    void note(std::string_view text) const;
};

/// `text` in a style, or as it is when `color` is false.
std::string styled(std::string_view text, Style style, bool color);

/// The line (without its end) that report() writes first.
std::string error_line(const Error& error, std::string_view subject);

} // namespace vbmc::ctl
