#pragma once
// Which of a backend's machines are meant: by name, tags and metadata. Plain data, pure.

#include "backend/driver.h"

#include <map>
#include <string>
#include <string_view>

namespace vbmc::fleet {

struct Selector {
    std::string name;                          // `*` stands for anything; empty: all
    std::map<std::string, std::string> labels; // value with `*` too; empty: the key alone

    bool fits(const backend::Found& machine) const noexcept;

    friend bool operator==(const Selector&, const Selector&) = default;
};

/// `*` in the pattern stands for any run of characters. In time |pattern| * |text| at most.
bool glob_match(std::string_view pattern, std::string_view text) noexcept;

} // namespace vbmc::fleet
