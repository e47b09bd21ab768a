// The seeded simulation of many BMCs on a bad network (docs/testing.md).
//
//     vbmc_sim --seeds N [--first SEED] [--steps N] [--marks] [--trace]
//
// Prints the seed and what was broken; the same seed and steps do exactly the same again.

#include "sim/world.h"

#include <charconv>
#include <cstdio>
#include <cstring>
#include <string>

namespace {

using namespace vbmc;
using namespace vbmc::sim;

struct Options {
    u64 seeds = 200;
    u64 first = 1;
    u64 steps = 1'000'000;
    bool want_marks = false; // each mark has to be reached
    bool trace = false;
    bool ok = true;
};

bool read_number(const char* text, u64& value) {
    const char* const end = text + std::strlen(text);
    const auto result = std::from_chars(text, end, value);
    return result.ec == std::errc() && result.ptr == end;
}

Options read_options(int count, char** arguments) {
    Options options;
    for (int i = 1; i < count && options.ok; ++i) {
        const std::string_view name = arguments[i];
        if (name == "--marks") {
            options.want_marks = true;
            continue;
        }
        if (name == "--trace") {
            options.trace = true;
            continue;
        }
        u64* const value = name == "--seeds"   ? &options.seeds
                           : name == "--first" ? &options.first
                           : name == "--steps" ? &options.steps
                                               : nullptr;
        options.ok = value != nullptr && i + 1 < count && read_number(arguments[++i], *value);
    }
    return options;
}

struct Totals {
    Marks marks;
    u64 steps = 0;
    u64 datagrams = 0;
};

/// Empty when all held.
std::string run_seed(u64 seed, u64 steps, bool trace, Totals& totals, u64& ended_at) {
    std::string broken;
    World world(seed, steps, trace);
    try {
        world.run();
    } catch (const Violation& violation) {
        broken = violation.what();
    }
    ended_at = world.steps();
    totals.marks.add(world.marks());
    totals.steps += world.steps();
    totals.datagrams += world.datagrams();
    return broken;
}

/// The fewest steps of trouble after which the same rule is still broken.
u64 shrink(u64 seed, const std::string& rule, u64 high) {
    u64 low = 0;
    while (low < high) {
        const u64 middle = low + (high - low) / 2;
        Totals ignored;
        u64 ended_at = 0;
        if (run_seed(seed, middle, false, ignored, ended_at) == rule) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return high;
}

int report_marks(const Marks& marks) {
    int missing = 0;
    for (std::size_t i = 0; i < mark_count; ++i) {
        const Mark mark = static_cast<Mark>(i);
        const bool reached = marks.count(mark) > 0;
        std::printf(
            "  %-45.*s %8llu%s\n",
            static_cast<int>(name_of(mark).size()),
            name_of(mark).data(),
            static_cast<unsigned long long>(marks.count(mark)),
            reached ? "" : "  NEVER"
        );
        missing += reached ? 0 : 1;
    }
    return missing;
}

} // namespace

int main(int count, char** arguments) {
    const Options options = read_options(count, arguments);
    if (!options.ok) {
        std::fprintf(
            stderr, "usage: vbmc_sim --seeds N [--first SEED] [--steps N] [--marks] [--trace]\n"
        );
        return 2;
    }
    Totals totals;
    u64 failed = 0;
    for (u64 seed = options.first; seed < options.first + options.seeds; ++seed) {
        u64 ended_at = 0;
        const std::string broken = run_seed(seed, options.steps, options.trace, totals, ended_at);
        if (broken.empty()) {
            continue;
        }
        ++failed;
        std::printf(
            "seed %llu: %s (step %llu)\n",
            static_cast<unsigned long long>(seed),
            broken.c_str(),
            static_cast<unsigned long long>(ended_at)
        );
        const u64 steps = shrink(seed, broken, std::min(options.steps, ended_at));
        std::printf(
            "    again: vbmc_sim --seeds 1 --first %llu --steps %llu\n",
            static_cast<unsigned long long>(seed),
            static_cast<unsigned long long>(steps)
        );
    }
    std::printf(
        "%llu seeds from %llu, %llu steps, %llu datagrams, %llu failed\n",
        static_cast<unsigned long long>(options.seeds),
        static_cast<unsigned long long>(options.first),
        static_cast<unsigned long long>(totals.steps),
        static_cast<unsigned long long>(totals.datagrams),
        static_cast<unsigned long long>(failed)
    );
    const int missing = options.want_marks ? report_marks(totals.marks) : 0;
    return failed == 0 && missing == 0 ? 0 : 1;
}
