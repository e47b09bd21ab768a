#pragma once
// A node as people read it, of its document; and the columns of a list of nodes.

#include "vbmcctl/output.h"

#include <string>
#include <vector>

namespace vbmc::ctl {

std::vector<Column> node_columns();

/// Some lines: "n1", then what is known, one thing a line.
std::string node_view(const Json& document, bool color);

/// The ipmitool arguments that reach the node, without a password: the words after "ipmitool".
std::vector<std::string> ipmitool_words(const Json& document, const std::string& user);

/// Words as a shell line: quoted where a shell would see more than the word.
std::string shell_line(const std::vector<std::string>& words);

} // namespace vbmc::ctl
