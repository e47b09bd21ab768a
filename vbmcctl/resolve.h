#pragma once
// From a selection to nodes, with the daemon's help, and the question before a change to many.

#include "vbmcctl/cli.h"

#include <functional>
#include <string>
#include <vector>

namespace vbmc::ctl {

/// More than this many nodes are not changed from a terminal without asking.
inline constexpr std::size_t ask_above = 20;

/// Calls `visit` for each node that matches the filter, page by page.
Result<void> for_each_node(
    Client& client, const std::string& filter, const std::function<void(const api::Node&)>& visit
);

/// The selected names in order, each once. Names without a glob are not looked up unless a property
/// narrows them down. Nothing selected is a usage error, nothing matching is "not found".
Result<std::vector<std::string>> resolve_names(Cli& cli, const SelectionArgs& args);

struct ResolvedNodes {
    std::vector<api::Node> nodes;
    std::vector<std::string> missing; // names that are not there
};

/// The same with the nodes themselves. An empty selection is all nodes when `default_all`.
Result<ResolvedNodes> resolve_nodes(Cli& cli, const SelectionArgs& args, bool default_all);

/// "there is no node x", with the name that was probably meant as a hint.
Error missing_node(Cli& cli, const std::string& name);

/// Adds that hint to an error of vbmcd about a name that is not there.
Error with_suggestion(Cli& cli, Error error, const std::string& name);

/// True when the change may go on: few nodes, -y, no terminal to ask on, or "yes".
bool confirm(Cli& cli, const std::string& what, std::size_t count);

/// Arguments of commands such as `power NAME... on` and `sel NAME clear`: the verb may also come
/// first.
struct VerbArgs {
    std::vector<std::string> names;
    std::string verb; // empty: there is none
    std::vector<std::string> operands;
};

/// `operands`: how many words may follow the verb.
VerbArgs split_at_verb(
    const std::vector<std::string>& words,
    const std::vector<std::string>& verbs,
    bool names_elsewhere,
    std::size_t operands
);

} // namespace vbmc::ctl
