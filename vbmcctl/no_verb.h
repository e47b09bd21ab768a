#pragma once
// What to say when a command's verb is missing or misspelled.

#include "base/result.h"

#include <string>
#include <vector>

namespace vbmc::ctl {

/// There is no verb among the words: "'onn' is no power action (did you mean 'on'?)", or, where
/// there is no word that could be meant, "power needs an action". `noun`: "power action".
Error no_verb(
    const std::string& missing,
    const std::string& noun,
    const std::vector<std::string>& words,
    const std::vector<std::string>& verbs,
    bool names_elsewhere
);

} // namespace vbmc::ctl
