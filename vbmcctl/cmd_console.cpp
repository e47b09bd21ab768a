#include "vbmcctl/cli.h"
#include "vbmcctl/commands.h"
#include "vbmcctl/console_keys.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <termios.h>
#include <thread>
#include <unistd.h>

namespace vbmc::ctl {

namespace {

struct Args {
    std::string node;
    std::string escape = "~";
    bool view = false;
    bool force = false;
    bool no_history = false;
};

using Request = api::OpenConsoleRequest;
using Response = api::OpenConsoleResponse;
using Stream = grpc::ClientReaderWriter<Request, Response>;

// Behind the end of a pipe: to the first word of an answer, and after its last one.
constexpr auto answer_begins_within = std::chrono::milliseconds(5000);
constexpr auto silence_that_ends = std::chrono::milliseconds(1000);
constexpr int farewell_ms = 3000;

/// Keys as they are typed, one by one, while it lives; the terminal is put back in any case.
class RawTerminal {
  public:
    RawTerminal() {
        if (tcgetattr(STDIN_FILENO, &before_) == 0) {
            termios raw = before_;
            cfmakeraw(&raw);
            changed_ = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
        }
    }

    ~RawTerminal() {
        if (changed_) {
            tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
        }
    }

    RawTerminal(const RawTerminal&) = delete;
    RawTerminal& operator=(const RawTerminal&) = delete;

  private:
    termios before_{};
    bool changed_ = false;
};

/// Wakes the poll: by a signal, and by the reader's end.
class WakePipe {
  public:
    WakePipe() {
        if (pipe2(ends_.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
            ends_ = {-1, -1};
        }
        signal_end() = ends_[1];
        for (const int signal : signals) {
            struct sigaction action {};

            action.sa_handler = on_signal;
            sigaction(signal, &action, nullptr);
        }
    }

    ~WakePipe() {
        for (const int signal : signals) {
            std::signal(signal, SIG_DFL);
        }
        signal_end() = -1;
        close(ends_[0]);
        close(ends_[1]);
    }

    WakePipe(const WakePipe&) = delete;
    WakePipe& operator=(const WakePipe&) = delete;

    void wake() const { wake(ends_[1]); }

    void drain() const {
        std::array<char, 16> bytes{};
        while (read(ends_[0], bytes.data(), bytes.size()) > 0) {
        }
    }

    int fd() const { return ends_[0]; }

  private:
    static constexpr std::array<int, 3> signals = {SIGINT, SIGTERM, SIGHUP};

    static volatile std::sig_atomic_t& signal_end() {
        static volatile std::sig_atomic_t end = -1;
        return end;
    }

    static void wake(int fd) {
        const char byte = 0;
        static_cast<void>(!write(fd, &byte, 1));
    }

    static void on_signal(int) {
        const int kept = errno;
        wake(signal_end());
        errno = kept;
    }

    std::array<int, 2> ends_{};
};

void write_out(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = write(fd, text.data(), text.size());
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            return; // nobody reads any more; the next key or SIGPIPE ends this
        }
        text.remove_prefix(n > 0 ? static_cast<std::size_t>(n) : 0);
    }
}

/// One attached console: what it says on a thread of its own, what is typed on this one.
class Session {
  public:
    Session(Cli& cli, Stream& stream, const Args& args, bool connected)
        : cli_(cli), stream_(stream), args_(args),
          keys_(args.escape == "none" ? '\0' : args.escape.front()),
          piped_(!args.view && !cli.terminal().in_is_tty),
          opening_(connected ? Opening::open : Opening::pending), was_open_(connected) {}

    /// True when it was ended here, false when vbmcd ended it.
    bool run(grpc::ClientContext& context) {
        std::optional<RawTerminal> raw;
        if (!args_.view && !piped_) {
            tell("connected to " + args_.node + "; " + keys_.help());
            raw.emplace();
        }
        std::jthread reader([this] { read_all(); });
        const bool quit = args_.view ? wait_for_end(-1) && !reader_ended_
                          : piped_   ? type_what_is_piped_in()
                                     : type_all();
        stream_.WritesDone();
        if (!reader_ended_ && !wait_for_end(farewell_ms)) {
            context.TryCancel();
        }
        reader.join();
        raw.reset();
        return quit;
    }

    /// Why nothing that was piped in could be typed.
    std::optional<Error> refusal() const {
        if (opening_ != Opening::refused || !piped_) {
            return std::nullopt;
        }
        return Error(ErrorCode::unavailable, "CONSOLE_NOT_OPENED", cannot_open(why_not_));
    }

  private:
    /// How the first attempt to open the machine's stream went.
    enum class Opening {
        pending,
        open,
        refused,
    };

    std::string cannot_open(const std::string& why) const {
        return "cannot open " + args_.node + "'s console: " + why;
    }

    void end_opening(Opening how) {
        Opening before = Opening::pending;
        if (opening_.compare_exchange_strong(before, how) && piped_) {
            wake_.wake();
        }
    }

    void tell(const std::string& text) {
        if (!cli_.globals().quiet) {
            write_out(STDERR_FILENO, "\r\n[vbmcctl: " + text + "]\r\n");
        }
    }

    void read_all() {
        Response response;
        while (stream_.Read(&response)) {
            if (response.has_changed()) {
                tell_change(response.changed());
            } else {
                write_out(STDOUT_FILENO, response.output());
            }
            last_output_ = std::chrono::steady_clock::now();
        }
        reader_ended_ = true;
        wake_.wake();
    }

    void tell_change(const Response::Changed& change) {
        switch (change.what()) {
        case Response::Changed::CONNECTED:
            if (was_open_ || !why_not_.empty()) {
                tell(was_open_ ? "the console is connected again" : "the console is connected");
            }
            was_open_ = true;
            end_opening(Opening::open);
            return;
        case Response::Changed::NOT_OPENED:
            tell_refusal(change.why());
            return;
        case Response::Changed::DISCONNECTED:
            tell("the console's stream was lost; vbmcd opens it again");
            return;
        case Response::Changed::DEMOTED:
            tell(change.who() + " took the console over; you only watch now");
            return;
        case Response::Changed::SKIPPED:
            tell("output was left out: it came too fast");
            return;
        default:
            return;
        }
    }

    /// A pipe gets it as the end's error.
    void tell_refusal(const std::string& why) {
        const bool ends = piped_ && opening_ != Opening::open;
        if (!ends) {
            tell(cannot_open(why) + "; tried again until it opens");
        }
        if (opening_ == Opening::pending) {
            why_not_ = why;
        }
        end_opening(Opening::refused);
    }

    /// True: woken. `most_ms` -1: however long it takes.
    bool wait_for_end(int most_ms) const {
        pollfd wake{wake_.fd(), POLLIN, 0};
        while (true) {
            const int n = poll(&wake, 1, most_ms);
            if (n >= 0 || errno != EINTR) {
                wake_.drain();
                return n > 0;
            }
        }
    }

    /// Once the machine's stream is open: a pipe does not look whether it is.
    bool type_what_is_piped_in() {
        while (opening_ == Opening::pending) {
            wait_for_end(-1);
            if (reader_ended_) {
                return false;
            }
            if (opening_ == Opening::pending) {
                return true; // a signal
            }
        }
        return opening_ == Opening::refused || type_all();
    }

    bool type_all() {
        std::array<pollfd, 2> watched = {
            pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{wake_.fd(), POLLIN, 0}};
        std::array<char, 4096> buffer{};
        while (true) {
            if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) {
                return false;
            }
            if (watched[1].revents != 0) {
                wake_.drain();
                return !reader_ended_; // a signal, or vbmcd ended it
            }
            if (watched[0].revents == 0) {
                continue;
            }
            const ssize_t n = read(STDIN_FILENO, buffer.data(), buffer.size());
            if (n <= 0) {
                wait_for_silence();
                return true;
            }
            if (!type({buffer.data(), static_cast<std::size_t>(n)})) {
                return true;
            }
        }
    }

    /// False: the escape that ends.
    bool type(std::string_view text) {
        while (!text.empty()) {
            const ConsoleKeys::Typed typed = keys_.take(text);
            Request request;
            if (!typed.keys.empty()) {
                if (!typed_at_) {
                    typed_at_ = std::chrono::steady_clock::now();
                }
                request.set_input(typed.keys);
                stream_.Write(request);
            }
            for (const ConsoleKeys::Order order : typed.orders) {
                if (order == ConsoleKeys::Order::quit) {
                    return false;
                }
                if (order == ConsoleKeys::Order::help) {
                    tell(keys_.help());
                } else {
                    request.set_send_break(true);
                    stream_.Write(request);
                }
            }
        }
        return true;
    }

    /// What was piped in is answered first: a login shell that starts takes its time.
    void wait_for_silence() {
        const auto ended = std::chrono::steady_clock::now();
        while (!reader_ended_) {
            const auto last = last_output_.load();
            const bool awaited = typed_at_ && last < *typed_at_;
            const auto quiet = std::chrono::steady_clock::now() - std::max(ended, last);
            if (quiet >= (awaited ? answer_begins_within : silence_that_ends) || wait_for_end(50)) {
                return;
            }
        }
    }

    Cli& cli_;
    Stream& stream_;
    const Args& args_;
    ConsoleKeys keys_;
    WakePipe wake_;
    std::atomic<std::chrono::steady_clock::time_point> last_output_{};
    std::optional<std::chrono::steady_clock::time_point> typed_at_; // first
    std::atomic<bool> reader_ended_ = false;
    const bool piped_;
    std::atomic<Opening> opening_;
    std::string why_not_; // the reader's, until the first attempt has ended
    bool was_open_;       // the reader's
};

ExitCode run_console(Cli& cli, Args& args) {
    if (args.escape != "none" && args.escape.size() != 1) {
        return cli.fail(Error(ErrorCode::invalid_argument, "--escape is one character, or none"));
    }
    const Result<Client*> client = cli.client();
    if (!client) {
        return cli.fail(client.error());
    }
    grpc::ClientContext context;
    const std::unique_ptr<Stream> stream =
        (*client)->stub<api::ConsoleService::Stub>().OpenConsole(&context);
    Request request;
    Request::Attach& attach = *request.mutable_attach();
    attach.set_node(args.node);
    attach.set_mode(
        args.view    ? Request::Attach::VIEW
        : args.force ? Request::Attach::FORCE
                     : Request::Attach::WRITE
    );
    attach.set_without_history(args.no_history);
    stream->Write(request);
    Response response;
    bool ended_here = false;
    std::optional<Error> refusal;
    if (stream->Read(&response) && response.has_attached()) {
        write_out(STDOUT_FILENO, response.attached().history());
        Session session(cli, *stream, args, response.attached().connected());
        ended_here = session.run(context);
        refusal = session.refusal();
    } else {
        stream->WritesDone();
    }
    const grpc::Status status = stream->Finish();
    if (refusal) {
        return cli.fail(*refusal);
    }
    if (ended_here || status.ok()) {
        return ExitCode::ok;
    }
    return cli.fail((*client)->to_error(status), "node " + args.node);
}

void define(CLI::App& command, Args& args) {
    command.add_option("NODE", args.node, "Whose console")->type_name("")->required();
    auto* view = command.add_flag("--view", args.view, "Only watch; any number may");
    command.add_flag("--force", args.force, "Take the console over from who types now")
        ->excludes(view);
    command.add_flag("--no-history", args.no_history, "Do not show what was printed before");
    command.add_option("--escape", args.escape, "The escape character (~), or none")
        ->type_name("CHAR");
}

} // namespace

void add_console_command(Cli& cli) {
    cli.command<Args>(
           cli.app(), "console", "Use a node's serial console, or watch it", define, run_console
    )
        ->group("Machines")
        ->footer("At the beginning of a line ~. ends it, ~B sends a break, ~? tells what else.\n"
                 "Without a terminal what is piped in is typed, and the end of the answer ends it."
                 "\n\nExamples:\n"
                 "  vbmcctl console n1\n"
                 "  vbmcctl console n1 --view\n"
                 "  printf 'uname -r\\r' | vbmcctl console n1");
}

} // namespace vbmc::ctl
