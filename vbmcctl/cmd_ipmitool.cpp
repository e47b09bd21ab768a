#include "vbmcctl/commands.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/node_view.h"
#include "vbmcctl/resolve.h"
#include "vbmcctl/text.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ostream>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vbmc::ctl {

namespace {

struct Args {
    std::vector<std::string> words; // NAME, then ipmitool's
    std::string user;
    bool run = false;
};

/// The user to log in as: the one that was named, else the first administrator that may.
Result<api::User> choose_user(const std::vector<api::User>& users, const std::string& wanted) {
    std::vector<std::string> names;
    const api::User* best = nullptr;
    for (const api::User& user : users) {
        names.push_back(user.name());
        if (!wanted.empty() && user.name() == wanted) {
            return user;
        }
        const bool enabled = !user.has_enabled() || user.enabled();
        if (wanted.empty() && enabled &&
            (best == nullptr || user.privilege() > best->privilege())) {
            best = &user;
        }
    }
    if (best != nullptr) {
        return *best;
    }
    if (wanted.empty()) {
        return Error(ErrorCode::failed_precondition, "no user of the node may log in")
            .with_hint("`vbmcctl users NODE add USER` makes one");
    }
    return Error(
        ErrorCode::not_found,
        "USER_NOT_FOUND",
        "there is no user '" + wanted + "'" + did_you_mean(wanted, names)
    );
}

std::vector<std::string> level_words(const api::User& user) {
    switch (user.privilege()) {
    case api::PRIVILEGE_USER:
        return {"-L", "USER"};
    case api::PRIVILEGE_OPERATOR:
        return {"-L", "OPERATOR"};
    case api::PRIVILEGE_CALLBACK:
        return {"-L", "CALLBACK"};
    default:
        return {}; // ADMINISTRATOR is ipmitool's default
    }
}

std::vector<std::string> full_line(
    const Json& document,
    const api::User& user,
    const std::vector<std::string>& password,
    const std::vector<std::string>& command
) {
    std::vector<std::string> words = {"ipmitool"};
    const auto append = [&words](const std::vector<std::string>& more) {
        words.insert(words.end(), more.begin(), more.end());
    };
    append(ipmitool_words(document, user.name()));
    append(level_words(user));
    append(password);
    append(command.empty() ? std::vector<std::string>{"power", "status"} : command);
    return words;
}

/// The password as a file that only this process and its successor see: never in argv, never on
/// disk, gone with the last descriptor. Its path is /dev/fd/N.
Result<std::string> password_file(const std::string& password) {
    const int fd = memfd_create("vbmcctl-password", 0);
    const auto size = static_cast<ssize_t>(password.size());
    if (fd < 0 || fchmod(fd, 0600) != 0 || write(fd, password.data(), password.size()) != size ||
        write(fd, "\n", 1) != 1) {
        return Error(
            ErrorCode::internal,
            std::string("cannot hand the password to ipmitool: ") + std::strerror(errno)
        );
    }
    return "/dev/fd/" + std::to_string(fd);
}

/// Becomes ipmitool. Returns only when that is not possible.
Error become(const std::vector<std::string>& words) {
    std::vector<char*> argv;
    for (const std::string& word : words) {
        argv.push_back(const_cast<char*>(word.c_str()));
    }
    argv.push_back(nullptr);
    execvp(argv[0], argv.data());
    const int reason = errno;
    return Error(ErrorCode::internal, std::string("cannot run ipmitool: ") + std::strerror(reason))
        .with_hint(reason == ENOENT ? "install it: apt install ipmitool" : "");
}

Error run_ipmitool(
    Client& client, const Json& document, const Args& args, const std::vector<std::string>& command
) {
    api::GetNodeSecretsRequest request;
    request.set_node(document.value("name", ""));
    const auto secrets = client.call(&api::UserService::Stub::GetNodeSecrets, request);
    if (!secrets) {
        return secrets.error();
    }
    const Result<api::User> user =
        choose_user({secrets->users().begin(), secrets->users().end()}, args.user);
    if (!user) {
        return user.error();
    }
    const Result<std::string> path = password_file(user->password());
    if (!path) {
        return path.error();
    }
    std::vector<std::string> options = {"-f", *path};
    if (secrets->kg().find('\0') != std::string::npos) {
        return Error(
                   ErrorCode::failed_precondition,
                   "K_g has a zero byte, which --run cannot hand over"
        )
            .with_hint("run ipmitool yourself, with -y and K_g in hexadecimal");
    }
    if (!secrets->kg().empty()) {
        // The environment is for our own eyes only; -k and -y would be argv.
        setenv("IPMI_KGKEY", secrets->kg().c_str(), 1);
        options.emplace_back("-K");
    }
    return become(full_line(document, *user, options, command));
}

bool needs_kg(const Json& document) {
    const Json* conditions = find(document, "status.conditions");
    return conditions != nullptr &&
           std::any_of(conditions->begin(), conditions->end(), [](const Json& one) {
               return one.value("type", "") == "KgSet";
           });
}

ExitCode print_line(
    Cli& cli,
    Client& client,
    const Json& document,
    const Args& args,
    const std::vector<std::string>& command
) {
    api::ListUsersRequest request;
    request.set_node(document.value("name", ""));
    const auto users = client.call(&api::UserService::Stub::ListUsers, request);
    if (!users) {
        return cli.fail(users.error());
    }
    const Result<api::User> user =
        choose_user({users->users().begin(), users->users().end()}, args.user);
    if (!user) {
        return cli.fail(user.error(), "node " + document.value("name", ""));
    }
    const bool kg = needs_kg(document);
    std::vector<std::string> asking = {"-a"};
    if (kg) {
        asking.emplace_back("-Y");
    }
    const std::vector<std::string> words = full_line(document, *user, asking, command);
    if (!cli.human()) {
        Listing listing;
        listing.single = true;
        listing.columns = {column("line", "LINE", "line")};
        listing.name_path = "line";
        listing.rows.push_back(
            {{"node", document.value("name", "")}, {"line", shell_line(words)}, {"argv", words}}
        );
        return cli.print(std::move(listing));
    }
    cli.terminal().out << shell_line(words) << "\n";
    cli.terminal().note(
        kg ? "-a asks for the password, -Y for K_g (-K: it is in IPMI_KGKEY); --run logs in with "
             "those "
             "that vbmcd has"
           : "-a asks for the password; -f FILE reads it; --run logs in with the one that vbmcd has"
    );
    return ExitCode::ok;
}

ExitCode run(Cli& cli, Args& args) {
    const std::string name = args.words.front();
    std::vector<std::string> command(args.words.begin() + 1, args.words.end());
    command.insert(command.end(), cli.after_dashes().begin(), cli.after_dashes().end());
    SelectionArgs selection;
    selection.names = {name};
    const Result<ResolvedNodes> resolved = resolve_nodes(cli, selection, false);
    const Result<Client*> client = resolved ? cli.client() : resolved.error();
    if (!client) {
        return cli.fail(client.error());
    }
    if (resolved->nodes.size() != 1 || !resolved->missing.empty()) {
        const bool many = resolved->nodes.size() > 1;
        return many ? cli.fail(Error(ErrorCode::invalid_argument, "ipmitool takes one node"))
                    : cli.fail(missing_node(cli, name), "node " + name);
    }
    const Json document = node_document(resolved->nodes.front());
    if (args.run) {
        cli.terminal().out.flush();
        return cli.fail(run_ipmitool(**client, document, args, command), "node " + name);
    }
    return print_line(cli, **client, document, args, command);
}

void define(CLI::App& command, Args& args) {
    command
        .add_option(
            "NAME [-- ARGS]", args.words, "Node, then what to give to ipmitool (power status)"
        )
        ->type_name("")
        ->required();
    command
        .add_option("--user", args.user, "User to log in as (the one with the highest privilege)")
        ->type_name("USER");
    command.add_flag(
        "--run", args.run, "Run it instead of printing it; needs the right to read secrets"
    );
}

} // namespace

void add_ipmitool_command(Cli& cli) {
    cli.command<Args>(
           cli.app(), "ipmitool", "Print or run the exact ipmitool line for a node", define, run
    )
        ->group("Access")
        ->footer("With --run the password goes to ipmitool through a private file in memory, never "
                 "through\n"
                 "argv; it then ends as ipmitool does.\n\n"
                 "Examples:\n"
                 "  vbmcctl ipmitool n1\n"
                 "  vbmcctl ipmitool n1 --run -- chassis status\n"
                 "  vbmcctl ipmitool n1 --run --user monitor -- sdr");
}

} // namespace vbmc::ctl
