// Every write is made to fail in turn, the disk fills up, the process dies: what was acknowledged
// stays, and nothing is half there.

#include "unit/store/store_support.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <map>
#include <optional>
#include <poll.h>
#include <random>
#include <sstream>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

using namespace vbmc;
using namespace vbmc::store;

namespace {

/// What must be true of a store after any accident: each node is whole, in one of its versions.
void check_whole(const Snapshot& all) {
    for (const StoredNode& stored : all.nodes) {
        INFO(stored.record.name);
        CHECK_FALSE(stored.damage);
        const std::string tag = stored.record.name + "-" + stored.record.etag;
        CHECK(
            stored.record.secrets.at("main/password").reveal() ==
            "backend-secret-" + stored.record.etag
        );
        REQUIRE(stored.sections.size() == 2);
        CHECK(text(stored.sections[0]) == "users-" + tag);
        CHECK(text(stored.sections[1]) == "sel-" + tag);
    }
}

void put_version(Store& store, unsigned i, unsigned version, Done done) {
    const std::string etag = std::to_string(version);
    NodeRecord record = node(i, etag);
    record.port = static_cast<u16>(i % 60'000);
    record.address = "127.0.0." + std::to_string(1 + i / 60'000);
    store.put_node(
        std::move(record), sections("node" + std::to_string(i) + "-" + etag), std::move(done)
    );
}

const StoredNode* find(const Snapshot& all, unsigned i) {
    for (const StoredNode& stored : all.nodes) {
        if (stored.record.uid == "uid-" + std::to_string(i)) {
            return &stored;
        }
    }
    return nullptr;
}

/// Node i's story: version 1, sometimes version 2, sometimes removed. Each step once it is
/// acknowledged. Three lines run at once, so that groups form.
class Writer {
  public:
    Writer(Store& store, unsigned first, int out) : store_(store), next_(first), out_(out) {}

    void run() {
        for (int line = 0; line < 3; ++line) {
            step(0, 0);
        }
        ::pause();
    }

  private:
    void step(unsigned i, unsigned stage) { // on the store's thread, after the first three
        if (stage == 0 || (stage == 2 && i % 3 != 0) || stage == 3) {
            i = next_++;
            stage = 0;
        }
        auto told = [this, i, stage](Result<void> outcome) {
            char line[40];
            const int n =
                std::snprintf(line, sizeof(line), "%c %u\n", outcome ? "12r"[stage] : '!', i);
            if (::write(out_, line, static_cast<std::size_t>(n)) != n) {
                ::_exit(1);
            }
            step(i, stage + 1);
        };
        if (stage < 2) {
            put_version(store_, i, stage + 1, told);
        } else {
            store_.remove_node("uid-" + std::to_string(i), told);
        }
    }

    Store& store_;
    std::atomic<unsigned> next_;
    int out_;
};

pid_t start_writer(const StoreConfig& config, unsigned first, int out) {
    const pid_t child = ::fork();
    if (child != 0) {
        return child;
    }
    auto store = Store::open(config);
    if (!store) {
        ::_exit(1);
    }
    Writer(**store, first, out).run();
    ::_exit(0);
}

/// Runs a writer for a while after its first word, kills it, and gives back every line that it
/// wrote.
std::string
run_and_kill(const StoreConfig& config, unsigned first, std::chrono::microseconds life) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = start_writer(config, first, ends[1]);
    REQUIRE(child > 0);
    ::close(ends[1]);
    std::string said;
    char buffer[4096];
    using Clock = std::chrono::steady_clock;
    auto end = Clock::now() + std::chrono::seconds(30); // a busy machine forks and opens slowly
    for (auto now = Clock::now(); now < end; now = Clock::now()) {
        pollfd readable{ends[0], POLLIN, 0};
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - now);
        if (::poll(&readable, 1, static_cast<int>(left.count())) > 0) {
            const ssize_t n = ::read(ends[0], buffer, sizeof(buffer));
            end = said.empty() ? Clock::now() + life : end;
            said.append(buffer, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
        }
    }
    ::kill(child, SIGKILL);
    for (ssize_t n = 1; n > 0;) {
        n = ::read(ends[0], buffer, sizeof(buffer));
        said.append(buffer, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    }
    ::close(ends[0]);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status));
    return said;
}

/// Node -> its last acknowledged step: 1, 2 or r.
using Acknowledged = std::map<unsigned, char>;

void remember(Acknowledged& known, const std::string& said) {
    std::istringstream lines(said);
    char step = 0;
    unsigned i = 0;
    while (lines >> step >> i) {
        REQUIRE(step != '!');
        known[i] = step;
    }
}

void check_acknowledged(const Acknowledged& known, const Snapshot& all) {
    std::map<std::string, const StoredNode*> by_uid;
    for (const StoredNode& stored : all.nodes) {
        by_uid[stored.record.uid] = &stored;
    }
    for (const auto& [i, step] : known) {
        INFO("node " << i << " step " << step);
        const auto found = by_uid.find("uid-" + std::to_string(i));
        const bool present = found != by_uid.end();
        if (step == 'r') {
            CHECK_FALSE(present);
        } else if (step == '2' && i % 3 == 0) { // its removal may have been on the disk
                                                // unacknowledged
            CHECK((!present || found->second->record.etag == "2"));
        } else {
            REQUIRE(present);
            CHECK(found->second->record.etag >= std::string(1, step));
        }
    }
}

} // namespace

TEST_CASE("kill -9 at any moment costs nothing that was acknowledged") {
    const TempDir dir;
    Acknowledged known;
    std::mt19937 random(std::random_device{}());
    for (int round = 0; round < 30; ++round) {
        const auto life = std::chrono::microseconds(20'000 + random() % 60'000);
        remember(
            known, run_and_kill(dir.config(), static_cast<unsigned>(round) * 10'000 + 1, life)
        );
        auto store = must_open(dir.config());
        const Snapshot all = must_load(*store);
        INFO("round " << round << ", " << known.size() << " nodes known");
        check_whole(all);
        check_acknowledged(known, all);
    }
    CHECK(known.size() > 100);
}

TEST_CASE("kill -9 during the very first start leaves a directory that starts") {
    std::mt19937 random(std::random_device{}());
    for (int round = 0; round < 30; ++round) {
        const TempDir dir;
        Acknowledged known;
        remember(
            known, run_and_kill(dir.config(), 1, std::chrono::microseconds(random() % 12'000))
        );
        auto store = must_open(dir.config());
        const Snapshot all = must_load(*store);
        check_whole(all);
        check_acknowledged(known, all);
        REQUIRE(put(*store, node(50'000)));
    }
}

TEST_CASE("the n-th write fails, for every n: it alone fails, is told, and can be repeated") {
    for (int n = 1;; ++n) {
        const TempDir dir;
        std::atomic<int> calls = 0;
        std::atomic<int> failed = 0;
        StoreConfig config = dir.config();
        config.fail_write = [&](std::string_view) {
            const bool fail = ++calls == n;
            failed += fail ? 1 : 0;
            return fail;
        };
        std::map<std::string, bool> acknowledged;
        {
            auto store = must_open(config);
            for (unsigned i = 1; i <= 5; ++i) {
                const auto outcome =
                    wait([&](Done done) { put_version(*store, i, 1, std::move(done)); });
                acknowledged["node" + std::to_string(i)] = outcome.has_value();
                if (!outcome) {
                    CHECK(outcome.error().reason == "FAULT_INJECTED");
                }
            }
            const bool removed = remove(*store, "uid-5").has_value();
            acknowledged["node5"] = acknowledged["node5"] && !removed;
            const bool rotated =
                wait([&](Done done) { store->rotate_key(std::move(done)); }).has_value();
            CHECK((rotated || failed == 1));
        }
        auto store = must_open(dir.config());
        const Snapshot all = must_load(*store);
        INFO("n = " << n);
        check_whole(all);
        for (const auto& [name, present] : acknowledged) {
            const unsigned i = static_cast<unsigned>(name.back() - '0');
            CHECK((find(all, i) != nullptr) == present);
        }
        if (failed == 0) {
            CHECK(n > 12);
            break;
        }
    }
}

TEST_CASE("a commit that fails fails all that was in it, and nothing of it stays") {
    const TempDir dir;
    std::atomic<bool> fail = true;
    StoreConfig config = dir.config();
    config.fail_write = [&](std::string_view name) {
        return name == "commit" && fail.exchange(false);
    };
    auto store = must_open(config);
    std::atomic<int> good = 0;
    std::atomic<int> bad = 0;
    for (unsigned i = 0; i < 100; ++i) {
        put_version(*store, i, 1, [&](Result<void> outcome) { ++(outcome ? good : bad); });
    }
    static_cast<void>(wait([&](Done done) { store->flush(std::move(done)); })); // may be in it too
    CHECK(good + bad == 100);
    CHECK(bad > 0);
    const Snapshot all = must_load(*store);
    CHECK(all.nodes.size() == static_cast<std::size_t>(good));
    check_whole(all);
}

TEST_CASE("a full disk is told in one sentence, and what was acknowledged stays") {
    const TempDir dir;
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        ::signal(SIGXFSZ, SIG_IGN); // no file grows beyond this: the disk is "full" with EFBIG
        const rlimit limit{400'000, 400'000};
        ::setrlimit(RLIMIT_FSIZE, &limit);
        auto store = Store::open(dir.config());
        if (!store) {
            ::_exit(2);
        }
        for (unsigned i = 1; i < 10'000; ++i) {
            const auto outcome =
                wait([&](Done done) { put_version(**store, i, 1, std::move(done)); });
            if (!outcome) {
                const bool told = outcome.error().code == ErrorCode::resource_exhausted &&
                                  outcome.error().reason == "DISK_FULL";
                const bool reads = (*store)->load_all().has_value(); // it goes on where it was
                ::_exit(told && reads ? 0 : 3);
            }
            const std::string line = "1 " + std::to_string(i) + "\n";
            static_cast<void>(::write(ends[1], line.data(), line.size()));
        }
        ::_exit(4);
    }
    ::close(ends[1]);
    std::string said;
    char buffer[4096];
    for (ssize_t n = 1; n > 0;) {
        n = ::read(ends[0], buffer, sizeof(buffer));
        said.append(buffer, static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    }
    ::close(ends[0]);
    int status = -1;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    Acknowledged known;
    remember(known, said);
    CHECK(known.size() > 5);
    auto store = must_open(dir.config());
    const Snapshot all = must_load(*store);
    check_whole(all);
    check_acknowledged(known, all);
    CHECK(put(*store, node(50'000)));
}
