#pragma once
// How far a bulk job is, on standard error: one line that redraws itself on a terminal, else a line
// for every tenth that is done. Silent for a few items. Time is an argument, so that tests set it.

#include "base/result.h"
#include "base/time.h"

#include <cstddef>
#include <iosfwd>
#include <string>

namespace vbmc::ctl {

class Progress {
  public:
    enum class Mode { off, redraw, lines };

    /// Fewer items than this need no progress.
    static constexpr std::size_t worth_it = 21;

    Progress(std::ostream& err, Mode mode, std::string verb, std::size_t total, Duration now);

    void add(bool ok, Duration now);

    /// The daemon says how many there are.
    void set_total(std::size_t total) { total_ = total; }

    /// Removes the redrawn line or writes the last one.
    void finish(Duration now);

  private:
    std::string line(Duration now) const;

    std::ostream& err_;
    Mode mode_;
    std::string verb_;
    std::size_t total_;
    std::size_t done_ = 0;
    std::size_t failed_ = 0;
    std::size_t tenths_shown_ = 0;
    Duration started_;
    Duration drawn_{};
    bool visible_ = false;
};

/// "850ms", "12s", "3m05s", "2h10m".
std::string duration_text(Duration span);

/// "250ms", "1.5s", "10m", "2h", "1d"; a plain number is seconds. Never negative.
Result<Duration> parse_duration(std::string_view text);

} // namespace vbmc::ctl
