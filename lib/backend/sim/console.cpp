// The simulated machine's serial console: what it prints, and a shell that wants no log-in.

#include "backend/sim/machine.h"

#include <charconv>
#include <optional>
#include <utility>

namespace vbmc::backend::sim {

namespace {

constexpr std::size_t output_bytes_max = 16 * 1024; // nobody reads: the oldest goes
constexpr std::size_t line_bytes_max = 256;
constexpr std::string_view prompt = "# ";

std::optional<long long> number(std::string_view text) {
    long long value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value > 1'000'000'000) {
        return std::nullopt;
    }
    return value;
}

/// "6*7", "40+2", "44-2": what $((...)) of the shell can do.
std::optional<long long> evaluate(std::string_view sum) {
    const auto at = sum.find_first_of("*+-", 1);
    if (at == std::string_view::npos) {
        return number(sum);
    }
    const auto a = number(sum.substr(0, at));
    const auto b = number(sum.substr(at + 1));
    if (!a || !b) {
        return std::nullopt;
    }
    switch (sum[at]) {
    case '*':
        return *a * *b;
    case '+':
        return *a + *b;
    default:
        return *a - *b;
    }
}

std::string expand(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto open = text.find("$((");
        const auto close = text.find("))", open);
        if (open == std::string_view::npos || close == std::string_view::npos) {
            break;
        }
        out += text.substr(0, open);
        const auto value = evaluate(text.substr(open + 3, close - open - 3));
        out += value ? std::to_string(*value) : "0";
        text = text.substr(close + 2);
    }
    return out + std::string(text);
}

} // namespace

std::string_view boot_word(bmc::BootDevice device) noexcept {
    switch (device) {
    case bmc::BootDevice::pxe:
        return "pxe";
    case bmc::BootDevice::cdrom:
    case bmc::BootDevice::remote_cdrom:
        return "cdrom";
    case bmc::BootDevice::bios_setup:
        return "setup";
    case bmc::BootDevice::diagnostics:
        return "diagnostics";
    case bmc::BootDevice::floppy:
    case bmc::BootDevice::remote_floppy:
        return "floppy";
    default:
        return "disk";
    }
}

std::string shell_answer(std::string_view line) {
    const auto space = line.find(' ');
    const std::string_view word = line.substr(0, space);
    const std::string_view rest =
        space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);
    if (word.empty()) {
        return {};
    }
    if (word == "echo") {
        return expand(rest);
    }
    if (word == "help") {
        return "echo, help, reboot, poweroff";
    }
    return std::string(word) + ": not found";
}

void Machine::print(std::string_view text) {
    if (!terminal_) {
        return;
    }
    std::string& output = terminal_->output;
    output += text;
    if (output.size() > output_bytes_max) {
        output.erase(0, output.size() - output_bytes_max);
    }
}

void Machine::open_console(Mono now) {
    advance(now);
    if (!terminal_) {
        terminal_ = std::make_unique<Terminal>();
        print(phase_ == Phase::running ? prompt : "");
    }
}

void Machine::close_console() noexcept {
    terminal_.reset();
}

void Machine::type(Bytes keys, Mono now) {
    advance(now);
    for (const u8 key : keys) {
        if (!terminal_ || phase_ != Phase::running) {
            return; // nobody reads the keyboard yet
        }
        std::string& line = terminal_->line;
        if (key == '\r' || key == '\n') {
            print("\r\n");
            const std::string entered = std::exchange(line, {});
            run_line(entered, now);
        } else if (key == 0x7f || key == 0x08) {
            print(line.empty() ? "" : "\b \b");
            line.resize(line.empty() ? 0 : line.size() - 1);
        } else if (key >= 0x20 && line.size() < line_bytes_max) {
            line += static_cast<char>(key);
            print(std::string_view(line).substr(line.size() - 1));
        }
    }
}

void Machine::run_line(std::string_view line, Mono now) {
    if (line == "poweroff") {
        press(bmc::PowerAction::soft, now);
        return;
    }
    if (line == "reboot") {
        press(bmc::PowerAction::reset, now);
        return;
    }
    const std::string answer = shell_answer(line);
    print(answer.empty() ? "" : answer + "\r\n");
    print(prompt);
}

void Machine::send_break() {
    print("\r\nSysRq\r\n");
}

std::string Machine::take_output() {
    return terminal_ ? std::exchange(terminal_->output, {}) : std::string{};
}

} // namespace vbmc::backend::sim
