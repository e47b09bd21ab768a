#pragma once
// What the commands for configuration parameters (LAN, SOL, PEF) have in common: their own
// completion codes and parameter 0.

#include "ipmi/completion_code.h"

namespace vbmc::ipmi {

namespace parameter {
inline constexpr CompletionCode unsupported = command_specific(0x80);
inline constexpr CompletionCode in_progress_already = command_specific(0x81);
inline constexpr CompletionCode read_only = command_specific(0x82);
} // namespace parameter

/// Parameter 0, "set in progress": 0 complete, 1 in progress, 2 commit. What is written takes
/// effect at once, so that a commit has nothing left to do.
template <class State>
CompletionCode set_in_progress(State& state, Bytes data) noexcept {
    if (data.size() != 1) {
        return CompletionCode::invalid_length;
    }
    switch (data[0] & 0x03) {
    case 0:
        state = State{0};
        return CompletionCode::ok;
    case 1:
        if (state != State{0}) {
            return parameter::in_progress_already;
        }
        state = State{1};
        return CompletionCode::ok;
    case 2:
        return CompletionCode::ok;
    default:
        return CompletionCode::invalid_data_field;
    }
}

} // namespace vbmc::ipmi
