#include "vbmcctl/secret_input.h"

#include "base/entropy.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

namespace vbmc::ctl {

namespace {

constexpr std::size_t secret_max = 4096;

/// The descriptor's first line. Reads no further than a page: a secret is short.
Result<Secret> read_line(int fd, const std::string& what) {
    std::array<char, secret_max> buffer{};
    std::size_t used = 0;
    while (used < buffer.size()) {
        const ssize_t n = read(fd, buffer.data() + used, buffer.size() - used);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return Error(ErrorCode::internal, "cannot read " + what + ": " + std::strerror(errno));
        }
        used += static_cast<std::size_t>(n);
        if (n == 0 || std::memchr(buffer.data(), '\n', used) != nullptr) {
            break;
        }
    }
    std::string_view line(buffer.data(), used);
    const bool complete = used < buffer.size() || line.find('\n') != std::string_view::npos;
    line = line.substr(0, line.find('\n'));
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    Secret secret(line);
    explicit_bzero(buffer.data(), buffer.size());
    if (!complete) {
        return Error(
            ErrorCode::invalid_argument, what + " holds no password: its line is too long"
        );
    }
    if (secret.empty()) {
        return Error(ErrorCode::invalid_argument, what + " holds no password: it is empty");
    }
    return secret;
}

/// Echo and signals off while it lives: Ctrl-C arrives as a character and the terminal is put
/// right.
class NoEcho {
  public:
    explicit NoEcho(int fd) : fd_(fd) {
        changed_ = tcgetattr(fd, &before_) == 0;
        if (changed_) {
            termios quiet = before_;
            quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG);
            tcsetattr(fd, TCSAFLUSH, &quiet);
        }
    }

    NoEcho(const NoEcho&) = delete;
    NoEcho& operator=(const NoEcho&) = delete;

    ~NoEcho() {
        if (changed_) {
            tcsetattr(fd_, TCSAFLUSH, &before_);
        }
    }

  private:
    int fd_;
    termios before_{};
    bool changed_ = false;
};

void write_all(int fd, std::string_view text) {
    while (!text.empty()) {
        const ssize_t n = write(fd, text.data(), text.size());
        if (n <= 0) {
            return;
        }
        text.remove_prefix(static_cast<std::size_t>(n));
    }
}

Result<Secret> ask(int tty, std::string_view prompt) {
    Result<Secret> answer = [&] {
        // Quiet before it asks: an answer may come as soon as the question can be read.
        const NoEcho quiet(tty);
        write_all(tty, prompt);
        return read_line(tty, "the terminal");
    }();
    write_all(tty, "\n");
    if (answer && answer->reveal().find('\x03') != std::string_view::npos) {
        return Error(ErrorCode::internal, "interrupted");
    }
    return answer;
}

/// A descriptor that closes itself.
class Descriptor {
  public:
    explicit Descriptor(int fd) : fd_(fd) {}

    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;

    ~Descriptor() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }

    int get() const { return fd_; }

  private:
    int fd_;
};

} // namespace

Result<Secret> read_secret_file(const Terminal& terminal, const std::string& path) {
    if (path == "-") {
        return read_secret_stdin(terminal, "Password: ");
    }
    const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (file.get() < 0) {
        return Error(
            ErrorCode::invalid_argument,
            "cannot read the password file " + path + ": " + std::strerror(errno)
        );
    }

    struct stat info {};

    if (fstat(file.get(), &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & 077) != 0) {
        terminal.warn("others may read the password file " + path + ": chmod 600 it");
    }
    return read_line(file.get(), "the password file " + path);
}

Result<Secret> read_secret_stdin(const Terminal& terminal, std::string_view prompt) {
    if (terminal.in_is_tty) {
        return prompt_secret(prompt, false);
    }
    return read_line(STDIN_FILENO, "standard input");
}

Result<Secret> prompt_secret(std::string_view prompt, bool confirm) {
    const Descriptor tty(open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
    if (tty.get() < 0) {
        return Error(ErrorCode::invalid_argument, "there is no terminal to ask for the password")
            .with_hint("use --password-file FILE or --password-stdin");
    }
    Result<Secret> first = ask(tty.get(), prompt);
    if (!first || !confirm) {
        return first;
    }
    const Result<Secret> second = ask(tty.get(), "Again: ");
    if (!second) {
        return second.error();
    }
    if (!(*first == *second)) {
        return Error(ErrorCode::invalid_argument, "the two passwords differ");
    }
    return first;
}

Secret generate_password() {
    static constexpr std::string_view letters =
        "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789";
    SystemEntropy entropy;
    std::array<char, 20> text{};
    std::size_t used = 0;
    while (used < text.size()) {
        ByteArray<1> byte{};
        entropy.fill(byte);
        // Only a multiple of the alphabet's size is fair.
        if (byte[0] < 256 / letters.size() * letters.size()) {
            text[used++] = letters[byte[0] % letters.size()];
        }
    }
    Secret password(std::string_view(text.data(), text.size()));
    explicit_bzero(text.data(), text.size());
    return password;
}

Result<Secret> read_password(const Terminal& terminal, const PasswordArgs& args) {
    const int sources = (args.given ? 1 : 0) + (args.file.empty() ? 0 : 1) +
                        (args.from_stdin ? 1 : 0) + (args.ask ? 1 : 0);
    if (sources > 1) {
        return Error(
            ErrorCode::invalid_argument,
            "give the password in one way: --password-file, --password-stdin, --ask-password or "
            "--password"
        );
    }
    if (args.given) {
        terminal.warn("--password can be seen by every user of this machine while vbmcctl runs; "
                      "use --password-file or --password-stdin");
        return Secret(args.value);
    }
    if (!args.file.empty()) {
        return read_secret_file(terminal, args.file);
    }
    if (args.from_stdin) {
        return read_secret_stdin(terminal, "Password: ");
    }
    return args.ask ? prompt_secret("Password: ", true) : Result<Secret>(Secret());
}

} // namespace vbmc::ctl
