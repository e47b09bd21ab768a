// The load generator: many sessions with many BMCs from one thread, every answer verified. Prints
// one line of JSON. tests/bench/run is the usual way to call it.
//
//     vbmc_bench status --target 127.0.0.1:6230 --count 100 --slots 2 --seconds 3 --suite 17

#include "counts.h"
#include "slot.h"
#include "socket_set.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace vbmc::bench {

namespace {

using Clock = std::chrono::steady_clock;

constexpr u64 retry_after_ns = 1'000'000'000;
constexpr u32 slots_a_port = 4; // what a BMC lets one port have half open
constexpr u32 logging_in_max = 64;

struct Options {
    std::string mode = "status";
    std::string host = "127.0.0.1";
    u16 port = 6230;
    u32 count = 1;     // BMCs on ports one after the other
    u32 slots = 1;     // sessions a BMC
    u32 flight = 1024; // packets under way at a time, of all
    double seconds = 3;
    double warm_up = 0.3;
    double rate = 0; // units a second; 0: as fast as the answers come
    int suite = 3;
    int pid = 0; // whose CPU time is told beside ours
    std::string user = "admin";
};

struct Flight {
    u64 sent_ns = 0;
    u64 begun_ns = 0; // of the unit of work
    bool active = false;
};

class Generator {
  public:
    explicit Generator(const Options& options);

    bool log_in();
    void run();
    void report() const;

  private:
    static u64 now_ns() noexcept {
        return static_cast<u64>(
            std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
                .count()
        );
    }

    void send(u32 slot, u64 now);
    void send_again(u64 now);
    void take_in(u64 now);
    void finished(u32 slot, u64 now);
    bool may_start(u64 now) const noexcept;
    void pump(u64 now);
    void start_next(u64 now);
    void phase(double seconds);
    void finish();
    void leave();

    Options options_;
    crypto::Toolbox tools_;
    Plan plan_;
    std::vector<Slot> slots_;
    std::vector<Flight> flights_;
    std::deque<u32> idle_;
    SocketSet sockets_;
    Counts counts_;
    u64 phase_begun_ = 0;
    u64 started_ = 0; // units in this phase
    u32 active_ = 0;
    u64 next_check_ = 0;
    bool stopping_ = false;
    u32 logged_in_ = 0;
    bool logging_in_ = false;
};

Generator::Generator(const Options& options)
    : options_(options), slots_(std::size_t{options.count} * options.slots),
      flights_(slots_.size()), sockets_(1 + (options.slots - 1) / slots_a_port) {
    static const std::map<std::string, Mode> modes = {
        {"status", Mode::status},
        {"sessions", Mode::sessions},
        {"poll", Mode::poll},
        {"echo", Mode::echo}};
    plan_.mode = modes.at(options.mode);
    plan_.suite = crypto::find_suite(static_cast<u8>(options.suite));
    plan_.tools = &tools_;
    plan_.user = options.user;
    const char* password = std::getenv("VBMC_BENCH_PASSWORD");
    const std::string secret = password == nullptr ? "benchmark" : password;
    std::copy_n(secret.begin(), std::min<std::size_t>(secret.size(), 20), plan_.password.begin());
    for (u32 i = 0; i < slots_.size(); ++i) {
        slots_[i].start(plan_, i);
        idle_.push_back(i);
    }
    sockets_.set_target(options.host, options.port);
    counts_.reset();
}

void Generator::send(u32 slot, u64 now) {
    flights_[slot].sent_ns = now;
    const u32 target = slot % options_.count;
    const u32 socket = slot / options_.count % sockets_.size();
    sockets_.queue(socket, static_cast<u16>(options_.port + target), [&](MutableBytes out) {
        return slots_[slot].write(plan_, out);
    });
}

/// What got no answer within a second starts anew, and is counted as lost.
void Generator::send_again(u64 now) {
    if (now < next_check_) {
        return;
    }
    next_check_ = now + retry_after_ns / 10;
    for (u32 slot = 0; slot < slots_.size(); ++slot) {
        if (flights_[slot].active && now - flights_[slot].sent_ns > retry_after_ns) {
            ++counts_.lost;
            if (plan_.mode != Mode::status && plan_.mode != Mode::echo) {
                slots_[slot].restart(plan_);
            }
            send(slot, now);
        }
    }
}

bool Generator::may_start(u64 now) const noexcept {
    if (stopping_ || idle_.empty() || active_ >= options_.flight) {
        return false;
    }
    if (options_.rate <= 0 || logging_in_) {
        return !logging_in_ || active_ < logging_in_max;
    }
    const double elapsed = static_cast<double>(now - phase_begun_) * 1e-9;
    return static_cast<double>(started_) < elapsed * options_.rate;
}

void Generator::pump(u64 now) {
    while (may_start(now)) {
        start_next(now);
    }
}

void Generator::start_next(u64 now) {
    const u32 slot = idle_.front();
    idle_.pop_front();
    flights_[slot] = {now, now, true};
    ++active_;
    ++started_;
    send(slot, now);
}

void Generator::finished(u32 slot, u64 now) {
    counts_.add((now - flights_[slot].begun_ns) / 1000);
    flights_[slot].active = false;
    --active_;
    if (logging_in_) {
        ++logged_in_;
    } else {
        idle_.push_back(slot);
    }
}

void Generator::take_in(u64 now) {
    sockets_.receive(
        [&](MutableBytes datagram) {
            const u32 slot = slot_of(datagram);
            if (slot >= slots_.size() || !flights_[slot].active) {
                ++counts_.ignored;
                return;
            }
            switch (slots_[slot].take(plan_, datagram)) {
            case Slot::Taken::ignored:
                ++counts_.ignored;
                break;
            case Slot::Taken::wrong:
                ++counts_.errors;
                slots_[slot].restart(plan_);
                send(slot, now);
                break;
            case Slot::Taken::next:
                send(slot, now);
                break;
            case Slot::Taken::done:
            case Slot::Taken::ready:
                finished(slot, now);
                break;
            }
        },
        [&] {
            pump(now);
            sockets_.flush();
        }
    );
}

/// A phase ends when its time is over and nothing is under way any more.
void Generator::phase(double seconds) {
    phase_begun_ = now_ns();
    started_ = 0;
    const u64 end = phase_begun_ + static_cast<u64>(seconds * 1e9);
    for (;;) {
        const u64 now = now_ns();
        if (now >= end) {
            return;
        }
        pump(now);
        sockets_.flush();
        sockets_.wait(options_.rate > 0 ? 0 : 1);
        const u64 later = now_ns();
        take_in(later);
        send_again(later);
    }
}

/// Opens every session; false when some cannot be had.
bool Generator::log_in() {
    if (plan_.mode != Mode::status) {
        return true;
    }
    logging_in_ = true;
    const u64 give_up = now_ns() + u64{60} * 1'000'000'000;
    while (logged_in_ < slots_.size() && now_ns() < give_up) {
        phase(0.01);
    }
    logging_in_ = false;
    const bool all = logged_in_ == slots_.size();
    for (u32 i = 0; i < slots_.size(); ++i) {
        idle_.push_back(i);
    }
    return all;
}

void Generator::run() {
    phase(options_.warm_up);
    counts_.reset();
    const CpuTime before = cpu_time(options_.pid);
    const u64 begun = now_ns();
    phase(options_.seconds);
    counts_.seconds = static_cast<double>(now_ns() - begun) * 1e-9;
    counts_.cpu = cpu_time(options_.pid) - before;
    const Counts kept = counts_;
    finish();
    leave();
    counts_ = kept;
}

/// What is under way ends: a session that is left open would be missing in the next run.
void Generator::finish() {
    stopping_ = true;
    const u64 give_up = now_ns() + 2 * retry_after_ns;
    while (active_ > 0 && now_ns() < give_up) {
        phase(0.002);
    }
    stopping_ = false;
}

/// Closes what log_in() opened: a BMC has few sessions to give.
void Generator::leave() {
    if (plan_.mode != Mode::status) {
        return;
    }
    options_.rate = 0;
    plan_.mode = Mode::sessions;
    for (const u32 slot : idle_) {
        slots_[slot].leave();
    }
    const u64 give_up = now_ns() + u64{5} * 1'000'000'000;
    for (std::size_t left = idle_.size(); left > 0 && now_ns() < give_up; --left) {
        start_next(now_ns());
        if (left % logging_in_max == 1) {
            stopping_ = true;
            phase(0.005);
        }
    }
    finish();
}

void Generator::report() const {
    counts_.print(options_.mode, options_.suite, options_.count, options_.slots);
}

bool parse(int argc, char** argv, Options& options) {
    if (argc < 2) {
        return false;
    }
    options.mode = argv[1];
    const std::map<std::string, std::function<void(const std::string&)>> flags = {
        {"--target",
         [&](const std::string& text) {
             options.host = text.substr(0, text.find(':'));
             options.port = static_cast<u16>(std::stoul(text.substr(text.find(':') + 1)));
         }},
        {"--count",
         [&](const std::string& text) { options.count = static_cast<u32>(std::stoul(text)); }},
        {"--slots",
         [&](const std::string& text) { options.slots = static_cast<u32>(std::stoul(text)); }},
        {"--flight",
         [&](const std::string& text) { options.flight = static_cast<u32>(std::stoul(text)); }},
        {"--seconds", [&](const std::string& text) { options.seconds = std::stod(text); }},
        {"--warm-up", [&](const std::string& text) { options.warm_up = std::stod(text); }},
        {"--rate", [&](const std::string& text) { options.rate = std::stod(text); }},
        {"--suite", [&](const std::string& text) { options.suite = std::stoi(text); }},
        {"--pid", [&](const std::string& text) { options.pid = std::stoi(text); }},
        {"--user", [&](const std::string& text) { options.user = text; }},
    };
    for (int i = 2; i + 1 < argc; i += 2) {
        const auto flag = flags.find(argv[i]);
        if (flag == flags.end()) {
            return false;
        }
        flag->second(argv[i + 1]);
    }
    return argc % 2 == 0;
}

} // namespace

} // namespace vbmc::bench

int main(int argc, char** argv) {
    using namespace vbmc::bench;
    Options options;
    if (!parse(argc, argv, options)) {
        std::fprintf(
            stderr,
            "usage: vbmc_bench status|sessions|poll|echo [--target HOST:PORT] [--count BMCS]\n"
            "  [--slots SESSIONS_A_BMC] [--flight MAX] [--seconds S] [--rate A_SECOND]\n"
            "  [--suite 3|17] [--pid SERVER] [--user NAME]; the password is VBMC_BENCH_PASSWORD\n"
        );
        return 2;
    }
    Generator generator(options);
    if (!generator.log_in()) {
        std::fprintf(stderr, "vbmc_bench: not every session could be opened\n");
        generator.report();
        return 1;
    }
    generator.run();
    generator.report();
    return 0;
}
