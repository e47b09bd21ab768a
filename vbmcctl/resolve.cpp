#include "vbmcctl/resolve.h"

#include "vbmcctl/text.h"

#include <algorithm>
#include <iostream>
#include <unordered_set>

namespace vbmc::ctl {

namespace {

constexpr int page_size = 5000;

Error nothing_selected() {
    return Error(ErrorCode::invalid_argument, "name the nodes")
        .with_hint(
            "names, globs such as 'db*', ranges such as node[001-100], -l LABELS, --filter or --all"
        );
}

bool wanted(
    const Selection& selection,
    const std::unordered_set<std::string_view>& names,
    const std::string& name
) {
    if (selection.names.empty() && selection.globs.empty()) {
        return true;
    }
    return names.contains(name) ||
           std::any_of(
               selection.globs.begin(),
               selection.globs.end(),
               [&name](const std::string& glob) { return glob_matches(glob, name); }
           );
}

Error nothing_matches(const Selection& selection) {
    std::vector<std::string> parts = selection.names;
    parts.insert(parts.end(), selection.globs.begin(), selection.globs.end());
    std::string message = parts.empty() ? "no node matches" : "no node matches " + join(parts, " ");
    if (selection.filtered) {
        message += parts.empty() ? " the selection" : " with that selection";
    }
    return Error(ErrorCode::not_found, "NODE_NOT_FOUND", message)
        .with_hint("`vbmcctl list` shows all nodes");
}

} // namespace

Result<void> for_each_node(
    Client& client, const std::string& filter, const std::function<void(const api::Node&)>& visit
) {
    api::ListNodesRequest request;
    request.set_page_size(page_size);
    request.set_filter(filter);
    while (true) {
        const auto page = client.call(&api::NodeService::Stub::ListNodes, request);
        if (!page) {
            return page.error();
        }
        for (const api::Node& node : page->nodes()) {
            visit(node);
        }
        if (page->next_page_token().empty()) {
            return {};
        }
        request.set_page_token(page->next_page_token());
    }
}

namespace {

/// Lists what may match and keeps what does: by filter, then by name.
Result<std::vector<api::Node>> list_selected(Cli& cli, const Selection& selection) {
    Result<Client*> client = cli.client();
    if (!client) {
        return client.error();
    }
    const std::unordered_set<std::string_view> names(
        selection.names.begin(), selection.names.end()
    );
    std::vector<api::Node> nodes;
    const Result<void> listed =
        for_each_node(**client, selection.filter, [&](const api::Node& node) {
            if (wanted(selection, names, node.name())) {
                nodes.push_back(node);
            }
        });
    if (!listed) {
        return listed.error();
    }
    return nodes;
}

/// Names that were given and are not among the nodes.
std::vector<std::string>
missing_of(const Selection& selection, const std::vector<api::Node>& nodes) {
    std::unordered_set<std::string_view> found;
    for (const api::Node& node : nodes) {
        found.insert(node.name());
    }
    std::vector<std::string> missing;
    for (const std::string& name : selection.names) {
        if (!found.contains(name)) {
            missing.push_back(name);
        }
    }
    return missing;
}

/// A few names are asked for one by one, many by listing.
Result<ResolvedNodes> get_exact(Cli& cli, const Selection& selection) {
    Result<Client*> client = cli.client();
    if (!client) {
        return client.error();
    }
    ResolvedNodes resolved;
    for (const std::string& name : selection.names) {
        api::GetNodeRequest request;
        request.set_name(name);
        auto node = (*client)->call(&api::NodeService::Stub::GetNode, request);
        if (node) {
            resolved.nodes.push_back(std::move(*node));
        } else if (node.error().code == ErrorCode::not_found) {
            resolved.missing.push_back(name);
        } else {
            return node.error();
        }
    }
    return resolved;
}

} // namespace

Result<ResolvedNodes> resolve_nodes(Cli& cli, const SelectionArgs& args, bool default_all) {
    Result<Selection> selection = parse_selection(args);
    if (!selection) {
        return selection.error();
    }
    if (args.empty() && !default_all) {
        return nothing_selected();
    }
    constexpr std::size_t few = 32;
    if (selection->exact() && !selection->names.empty() && selection->names.size() <= few) {
        return get_exact(cli, *selection);
    }
    Result<std::vector<api::Node>> nodes = list_selected(cli, *selection);
    if (!nodes) {
        return nodes.error();
    }
    ResolvedNodes resolved;
    if (!selection->filtered) {
        resolved.missing = missing_of(*selection, *nodes);
    }
    if (nodes->empty() && resolved.missing.empty() && !selection->globs.empty()) {
        return nothing_matches(*selection);
    }
    resolved.nodes = std::move(*nodes);
    return resolved;
}

Result<std::vector<std::string>> resolve_names(Cli& cli, const SelectionArgs& args) {
    Result<Selection> selection = parse_selection(args);
    if (!selection) {
        return selection.error();
    }
    if (args.empty() || (selection->exact() && selection->names.empty())) {
        return nothing_selected();
    }
    if (selection->exact()) {
        return selection->names;
    }
    Result<std::vector<api::Node>> nodes = list_selected(cli, *selection);
    if (!nodes) {
        return nodes.error();
    }
    // Names that do not exist stay in: the verb reports each as it would without the globs.
    std::vector<std::string> names;
    if (!selection->filtered) {
        names = missing_of(*selection, *nodes);
    }
    for (const api::Node& node : *nodes) {
        names.push_back(node.name());
    }
    if (names.empty()) {
        return nothing_matches(*selection);
    }
    return names;
}

Error with_suggestion(Cli& cli, Error error, const std::string& name) {
    if (error.code != ErrorCode::not_found || !error.hint.empty()) {
        return error;
    }
    Result<Client*> client = cli.client();
    std::vector<std::string> names;
    if (client) {
        api::ListNodesRequest request;
        request.set_page_size(page_size);
        if (const auto page = (*client)->call(&api::NodeService::Stub::ListNodes, request)) {
            for (const api::Node& node : page->nodes()) {
                names.push_back(node.name());
            }
        }
    }
    const std::string near = closest(name, names);
    error.hint = near.empty() ? "`vbmcctl list` shows all nodes" : "did you mean '" + near + "'?";
    return error;
}

Error missing_node(Cli& cli, const std::string& name) {
    return with_suggestion(
        cli, Error(ErrorCode::not_found, "NODE_NOT_FOUND", "there is no such node"), name
    );
}

bool confirm(Cli& cli, const std::string& what, std::size_t count) {
    const Terminal& terminal = cli.terminal();
    if (count <= ask_above || cli.globals().yes || !terminal.in_is_tty || !terminal.err_is_tty) {
        return true;
    }
    terminal.err << what << " " << counted(count, "node") << "? [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    const std::string lower = to_lower(trim(answer));
    if (lower == "y" || lower == "yes") {
        return true;
    }
    terminal.err << "nothing was changed\n";
    return false;
}

VerbArgs split_at_verb(
    const std::vector<std::string>& words,
    const std::vector<std::string>& verbs,
    bool names_elsewhere,
    std::size_t operands
) {
    const auto is_verb = [&verbs](const std::string& word) {
        return std::find(verbs.begin(), verbs.end(), word) != verbs.end();
    };
    VerbArgs out;
    // Name first: the first word that is a verb and has no more behind it than it may.
    for (std::size_t i = names_elsewhere ? 0 : 1; i < words.size(); ++i) {
        if (words.size() - i - 1 <= operands && is_verb(words[i])) {
            out.names.assign(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(i));
            out.verb = words[i];
            out.operands.assign(words.begin() + static_cast<std::ptrdiff_t>(i) + 1, words.end());
            return out;
        }
    }
    if (!words.empty() && is_verb(words.front())) {
        out.verb = words.front();
        // Verb first: the words behind it are names, but for the operands at the end.
        const std::size_t behind = words.size() - 1;
        const std::size_t names =
            behind > operands ? behind - operands : std::min<std::size_t>(behind, 1);
        const auto first_operand = words.begin() + 1 + static_cast<std::ptrdiff_t>(names);
        out.names.assign(words.begin() + 1, first_operand);
        out.operands.assign(first_operand, words.end());
        return out;
    }
    out.names = words;
    return out;
}

} // namespace vbmc::ctl
