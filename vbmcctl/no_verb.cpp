#include "vbmcctl/no_verb.h"

#include "vbmcctl/text.h"

namespace vbmc::ctl {

Error no_verb(
    const std::string& missing,
    const std::string& noun,
    const std::vector<std::string>& words,
    const std::vector<std::string>& verbs,
    bool names_elsewhere
) {
    const std::size_t least = names_elsewhere ? 1 : 2; // with fewer, all of them are nodes
    if (words.size() < least) {
        return Error(ErrorCode::invalid_argument, missing);
    }
    const bool front =
        closest(words.back(), verbs).empty() && !closest(words.front(), verbs).empty();
    const std::string& meant = front ? words.front() : words.back();
    return Error(
        ErrorCode::invalid_argument, "'" + meant + "' is no " + noun + did_you_mean(meant, verbs)
    );
}

} // namespace vbmc::ctl
