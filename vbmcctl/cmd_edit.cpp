#include "vbmcctl/commands.h"
#include "vbmcctl/node_document.h"
#include "vbmcctl/resolve.h"
#include "vbmcctl/text.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <ostream>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace vbmc::ctl {

namespace {

struct Args {
    std::string name;
};

/// A private file that is removed unless it is to be kept.
class DraftFile {
  public:
    static Result<DraftFile> make(const std::string& text) {
        const char* folder = std::getenv("TMPDIR");
        std::string path = std::string(folder != nullptr && *folder != '\0' ? folder : "/tmp") +
                           "/vbmcctl-XXXXXX.yaml";
        const int fd = mkstemps(path.data(), 5); // 0600
        if (fd < 0) {
            return Error(
                ErrorCode::internal, "cannot make a file in " + path + ": " + std::strerror(errno)
            );
        }
        close(fd);
        std::ofstream(path, std::ios::binary) << text;
        return DraftFile(path);
    }

    DraftFile(DraftFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}

    DraftFile(const DraftFile&) = delete;
    DraftFile& operator=(const DraftFile&) = delete;

    ~DraftFile() {
        if (!path_.empty()) {
            unlink(path_.c_str());
        }
    }

    std::string read() const {
        std::ifstream file(path_, std::ios::binary);
        return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    }

    const std::string& path() const { return path_; }

    std::string keep() { return std::exchange(path_, {}); }

  private:
    explicit DraftFile(std::string path) : path_(std::move(path)) {}

    std::string path_;
};

/// $VISUAL or $EDITOR with the file behind; no shell between.
Result<void> run_editor(const std::string& path) {
    const char* visual = std::getenv("VISUAL");
    const char* editor = visual != nullptr && *visual != '\0' ? visual : std::getenv("EDITOR");
    std::vector<std::string> words;
    for (const std::string& word :
         split(editor == nullptr || *editor == '\0' ? "vi" : editor, ' ')) {
        if (!word.empty()) {
            words.push_back(word);
        }
    }
    const std::string program = words.front();
    words.push_back(path);
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    const pid_t child = fork();
    if (child == 0) {
        execvp(argv[0], argv.data());
        _exit(127);
    }
    int status = 0;
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (child < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return Error(ErrorCode::internal, "the editor '" + program + "' did not end well")
            .with_hint("set VISUAL or EDITOR to the one you like");
    }
    return {};
}

std::string draft_of(const api::Node& node) {
    return "# Node " + node.name() +
           ". Save and quit to change it; leave it as it is to change nothing.\n"
           "# Users are changed with `vbmcctl users`. Secret options that are not written here "
           "stay.\n" +
           to_yaml(wanted_document(node));
}

Result<api::UpdateNodeRequest>
read_draft(const std::string& text, const std::string& path, const api::Node& current) {
    Manifest manifest = parse_manifest(text, path);
    if (!manifest.errors.empty()) {
        return manifest.errors.front();
    }
    if (manifest.nodes.size() != 1 || manifest.nodes[0].name != current.name()) {
        return Error(
                   ErrorCode::invalid_argument,
                   "the text is not about node " + current.name() + " alone"
        )
            .with_hint("a node's name cannot change");
    }
    if (!manifest.nodes[0].users.empty()) {
        return Error(
                   ErrorCode::invalid_argument,
                   manifest.nodes[0].where("users") + ": edit does not change users"
        )
            .with_hint("`vbmcctl users` does");
    }
    api::UpdateNodeRequest request;
    *request.mutable_node() = to_message(manifest.nodes[0]);
    api::Endpoint& endpoint = *request.mutable_node()->mutable_endpoint();
    if (endpoint.address().empty()) {
        endpoint.set_address(current.endpoint().address());
    }
    request.mutable_node()->set_etag(current.etag());
    request.mutable_update_mask()->add_paths("*");
    return request;
}

ExitCode run_edit(Cli& cli, Args& args) {
    const Result<Client*> client = cli.client();
    if (!client) {
        return cli.fail(client.error());
    }
    api::GetNodeRequest get;
    get.set_name(args.name);
    const auto node = (*client)->call(&api::NodeService::Stub::GetNode, get);
    if (!node) {
        return cli.fail(with_suggestion(cli, node.error(), args.name), "node " + args.name);
    }
    const std::string before = draft_of(*node);
    Result<DraftFile> draft = DraftFile::make(before);
    const Result<void> edited = draft ? run_editor(draft->path()) : draft.error();
    if (!edited) {
        return cli.fail(edited.error());
    }
    const std::string after = draft->read();
    if (after == before) {
        cli.terminal().note("nothing was changed");
        return ExitCode::ok;
    }
    const Result<api::UpdateNodeRequest> request = read_draft(after, draft->path(), *node);
    const auto updated = request ? (*client)->call(&api::NodeService::Stub::UpdateNode, *request)
                                 : Result<api::Node>(request.error());
    if (!updated) {
        const ExitCode code = cli.fail(updated.error(), "node " + args.name);
        cli.terminal().note("your text is kept in " + draft->keep());
        return code;
    }
    if (!cli.globals().quiet) {
        cli.terminal().out << "node " << printable(args.name) << " changed\n";
    }
    return ExitCode::ok;
}

void define(CLI::App& command, Args& args) {
    command.add_option("NAME", args.name, "Node")->type_name("")->required();
}

} // namespace

void add_edit_command(Cli& cli) {
    cli.command<Args>(cli.app(), "edit", "Change a node in an editor", define, run_edit)
        ->group("Nodes")
        ->footer(
            "Opens the node as YAML in $VISUAL or $EDITOR. When somebody else changes it "
            "meanwhile,\n"
            "nothing is changed and the text is kept.\n\nExample:\n  EDITOR=nano vbmcctl edit n1"
        );
}

} // namespace vbmc::ctl
