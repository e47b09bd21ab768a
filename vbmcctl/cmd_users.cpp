#include "vbmcctl/commands.h"
#include "vbmcctl/fan_out.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/password_options.h"
#include "vbmcctl/text.h"

#include <algorithm>
#include <optional>
#include <ostream>

namespace vbmc::ctl {

namespace {

struct Args {
    std::vector<std::string> words;
    SelectionArgs selection;
    PasswordArgs password;
    std::string privilege;
    bool generate = false;
    bool enable = false;
    bool disable = false;
    unsigned id = 0;
};

using UserLists = FanOut<api::ListUsersResponse>;

ExitCode list_users(Cli& cli, const SelectionArgs& selection) {
    const auto answers = fan_out(cli, selection, &api::UserService::Stub::AsyncListUsers, "users");
    if (!answers) {
        return cli.fail(answers.error());
    }
    Listing listing;
    listing.columns = {
        column("id", "ID", "id", false, true),
        column("name", "USER", "name"),
        column("privilege", "PRIVILEGE", "privilege"),
        column("enabled", "ENABLED", "enabled"),
    };
    show_node_column(listing, answers->names.size());
    for (std::size_t i = 0; i < answers->names.size(); ++i) {
        if (!answers->answers[i]) {
            continue;
        }
        for (const api::User& user : answers->answers[i]->users()) {
            Json row = {{"node", answers->names[i]}};
            row.update(user_document(user));
            listing.rows.push_back(std::move(row));
        }
    }
    const ExitCode failed = report_failures(cli, answers->items);
    if (listing.rows.empty() && cli.human()) {
        if (failed == ExitCode::ok) {
            cli.terminal().note("there are no users: nobody can log in");
        }
        return failed;
    }
    const ExitCode printed = cli.print(std::move(listing));
    return printed == ExitCode::ok ? failed : printed;
}

bool has_user(const api::ListUsersResponse& users, const std::string& name) {
    return std::any_of(users.users().begin(), users.users().end(), [&name](const api::User& user) {
        return user.name() == name;
    });
}

/// What `add`, `set` and `passwd` have in common.
struct Change {
    std::string node;
    api::SetUserRequest request;
    std::string generated; // the password that was made up
};

/// A user that is to be added must not be there, one that is to be changed must.
std::optional<Error>
objection(const api::ListUsersResponse& users, const std::string& name, bool adding) {
    if (has_user(users, name) == !adding) {
        return std::nullopt;
    }
    if (adding) {
        return Error(ErrorCode::already_exists, "USER_EXISTS", "user '" + name + "' exists already")
            .with_hint("`vbmcctl users NODE passwd USER` changes a password");
    }
    std::vector<std::string> names;
    for (const api::User& user : users.users()) {
        names.push_back(user.name());
    }
    return Error(
               ErrorCode::not_found,
               "USER_NOT_FOUND",
               "there is no user '" + name + "'" + did_you_mean(name, names)
    )
        .with_hint("`vbmcctl users NODE` shows them");
}

Result<Secret> password_for(Cli& cli, const Args& args, const std::string& verb) {
    const bool ask =
        verb == "passwd" && !args.password.any() && !args.generate && cli.terminal().in_is_tty;
    if (ask) {
        return prompt_secret("New password: ", true);
    }
    if (args.generate && args.password.any()) {
        return Error(ErrorCode::invalid_argument, "--generate does not go with another password");
    }
    if (verb == "passwd" && !args.generate && !args.password.any()) {
        return Error(ErrorCode::invalid_argument, "passwd needs a password")
            .with_hint("--password-file FILE, --password-stdin, --ask-password or --generate");
    }
    return read_password(cli.terminal(), args.password);
}

api::User user_message(const Args& args, const std::string& name, const Secret& password) {
    api::User user;
    user.set_name(name);
    user.set_id(args.id);
    user.set_privilege(privilege_of(args.privilege));
    user.set_password(std::string(password.reveal()));
    if (args.enable || args.disable) {
        user.set_enabled(args.enable);
    }
    return user;
}

std::vector<Change> plan(
    UserLists& lists,
    const Args& args,
    const std::string& verb,
    const std::string& name,
    const Secret& password
) {
    const bool adding = verb == "add";
    const bool makes_up = args.generate || (adding && password.empty());
    std::vector<Change> changes;
    for (std::size_t i = 0; i < lists.names.size(); ++i) {
        if (!lists.answers[i]) {
            continue;
        }
        if (std::optional<Error> error = objection(*lists.answers[i], name, adding)) {
            lists.items[i].error = std::move(error);
            continue;
        }
        Change& change = changes.emplace_back();
        change.node = lists.names[i];
        change.request.set_node(change.node);
        *change.request.mutable_user() = user_message(args, name, password);
        if (makes_up) {
            change.generated = std::string(generate_password().reveal());
            change.request.mutable_user()->set_password(change.generated);
        }
    }
    return changes;
}

/// Sends the changes; puts failures into the items of their nodes and returns what was done.
Listing carry_out(Cli& cli, Client& client, const std::vector<Change>& changes, UserLists& lists) {
    std::vector<api::SetUserRequest> requests;
    for (const Change& change : changes) {
        requests.push_back(change.request);
    }
    Listing listing;
    listing.columns = {
        column("node", "NODE", "node"),
        column("name", "USER", "name"),
        column("privilege", "PRIVILEGE", "privilege"),
        column("password", "PASSWORD", "password"),
    };
    std::vector<Json> rows(changes.size());
    client.call_each(
        &api::UserService::Stub::AsyncSetUser,
        requests,
        64,
        [&](std::size_t i, Result<api::SetUserResponse> answer) {
            if (!answer) {
                const auto item = std::find_if(
                    lists.items.begin(),
                    lists.items.end(),
                    [&](const ItemResult& known) { return known.name == changes[i].node; }
                );
                item->error = answer.error();
                return;
            }
            for (const std::string& warning : answer->warnings()) {
                cli.terminal().warn("node " + changes[i].node + ": " + warning);
            }
            rows[i] = {{"node", changes[i].node}};
            rows[i].update(user_document(answer->user()));
            if (!changes[i].generated.empty()) {
                rows[i]["password"] = changes[i].generated;
            }
        }
    );
    for (Json& row : rows) {
        if (!row.is_null()) {
            listing.rows.push_back(std::move(row));
        }
    }
    return listing;
}

ExitCode show_changes(Cli& cli, Listing listing, const std::string& verb) {
    const bool secrets = std::any_of(listing.rows.begin(), listing.rows.end(), [](const Json& row) {
        return row.contains("password");
    });
    if (!cli.human() || (secrets && listing.rows.size() > 1)) {
        return cli.print(std::move(listing));
    }
    const std::string done = verb == "add" ? "added" : "changed";
    for (const Json& row : listing.rows) {
        if (!cli.globals().quiet || secrets) {
            cli.terminal().out << "node " << printable(row.value("node", "")) << ": user "
                               << printable(row.value("name", "")) << " " << done << "\n";
        }
        if (row.contains("password")) {
            cli.terminal().out << "  password  " << row.value("password", "") << "\n";
        }
    }
    return ExitCode::ok;
}

ExitCode
change_users(Cli& cli, const Args& args, const std::string& verb, const std::string& name) {
    const Result<Secret> password = password_for(cli, args, verb);
    if (!password) {
        return cli.fail(password.error());
    }
    auto lists = fan_out(cli, args.selection, &api::UserService::Stub::AsyncListUsers, "users");
    const Result<Client*> client = cli.client();
    if (!lists || !client) {
        return cli.fail(lists ? client.error() : lists.error());
    }
    if (!confirm(cli, "change the users of", lists->names.size())) {
        return ExitCode::failed;
    }
    const std::vector<Change> changes = plan(*lists, args, verb, name, *password);
    Listing listing = carry_out(cli, **client, changes, *lists);
    if (!listing.rows.empty() || !cli.human()) {
        const ExitCode printed = show_changes(cli, std::move(listing), verb);
        if (printed != ExitCode::ok) {
            return printed;
        }
    }
    return report_failures(cli, lists->items);
}

ExitCode remove_users(Cli& cli, const Args& args, const std::string& name) {
    const Result<std::vector<std::string>> names = resolve_names(cli, args.selection);
    const Result<Client*> client = names ? cli.client() : names.error();
    if (!client) {
        return cli.fail(client.error());
    }
    if (!confirm(cli, "remove a user of", names->size())) {
        return ExitCode::failed;
    }
    std::vector<api::RemoveUserRequest> requests(names->size());
    BatchOutcome outcome;
    outcome.items.resize(names->size());
    for (std::size_t i = 0; i < names->size(); ++i) {
        requests[i].set_node((*names)[i]);
        requests[i].set_user(name);
        outcome.items[i].name = (*names)[i];
    }
    ScopedProgress progress(cli, "users rm", names->size());
    (*client)->call_each(
        &api::UserService::Stub::AsyncRemoveUser,
        requests,
        64,
        [&](std::size_t i, const Result<google::protobuf::Empty>& answer) {
            progress.add(answer.has_value());
            if (!answer) {
                outcome.items[i].error = answer.error();
                outcome.failures.push_back(exit_code_of(answer.error()));
            }
        }
    );
    outcome.seconds = progress.seconds();
    progress.finish();
    return print_outcome(cli, outcome, "has no user " + name + " any more");
}

ExitCode run_users(Cli& cli, Args& args) {
    static const std::vector<std::string> verbs = {"list", "add", "set", "passwd", "rm", "delete"};
    const VerbArgs split = split_at_verb(args.words, verbs, args.selection.by_property(), 1);
    args.selection.names = split.names;
    if (split.verb.empty() || split.verb == "list") {
        for (const std::string& word : split.operands) { // `users list n1 n2`
            args.selection.names.push_back(word);
        }
        return list_users(cli, args.selection);
    }
    if (split.operands.size() != 1) {
        return cli.fail(
            Error(ErrorCode::invalid_argument, "users " + split.verb + " needs a user name")
                .with_hint("vbmcctl users NODE... " + split.verb + " USER")
        );
    }
    if (!args.privilege.empty()) {
        const Result<std::string> privilege = parse_privilege(args.privilege);
        if (!privilege) {
            return cli.fail(privilege.error());
        }
        args.privilege = *privilege;
    }
    if (args.enable && args.disable) {
        return cli.fail(
            Error(ErrorCode::invalid_argument, "--enable and --disable exclude each other")
        );
    }
    const bool removing = split.verb == "rm" || split.verb == "delete";
    return removing ? remove_users(cli, args, split.operands[0])
                    : change_users(cli, args, split.verb, split.operands[0]);
}

void define(CLI::App& command, Args& args) {
    command
        .add_option(
            "NAME... [list | add|set|passwd|rm USER]",
            args.words,
            "Nodes, then list (the default), or what to do with which user"
        )
        ->type_name("");
    command.add_option("--privilege", args.privilege, "callback, user, operator or administrator")
        ->type_name("LEVEL");
    add_password_options(command, args.password);
    command.add_flag(
        "--generate", args.generate, "Make up a password and show it once (the default of add)"
    );
    command.add_flag("--enable", args.enable, "The user may log in");
    command.add_flag("--disable", args.disable, "The user may not log in");
    command.add_option("--id", args.id, "Slot, 2 to 16 (the next free one)")
        ->type_name("N")
        ->check(CLI::Range(2, 16).description(""));
    add_property_options(command, args.selection);
}

} // namespace

void add_users_command(Cli& cli) {
    cli.command<Args>(
           cli.app(), "users", "Show or change the IPMI users of nodes", define, run_users
    )
        ->group("Access")
        ->footer("add makes up a password unless one is given. set changes what is given and keeps "
                 "the rest.\n\n"
                 "Examples:\n"
                 "  vbmcctl users n1\n"
                 "  vbmcctl users n1 add monitor --privilege user\n"
                 "  vbmcctl users 'node*' passwd admin --password-file pw\n"
                 "  vbmcctl users n1 set monitor --disable\n"
                 "  vbmcctl users n1 rm monitor");
}

} // namespace vbmc::ctl
