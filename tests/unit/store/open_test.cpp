#include "store/schema.h"
#include "unit/store/store_support.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <optional>
#include <random>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace vbmc;
using namespace vbmc::store;

namespace {

mode_t mode_of(const std::string& path) {
    struct ::stat status {};

    REQUIRE(::stat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

/// A state directory with some nodes in it, closed.
void fill(const TempDir& dir, unsigned nodes = 50) {
    auto store = must_open(dir.config());
    for (unsigned i = 0; i < nodes; ++i) {
        REQUIRE(put(*store, node(i), sections("top-secret-" + std::to_string(i))));
    }
}

void run_sql(const std::string& path, const std::string& sql) {
    SQLite::Database database(path, SQLite::OPEN_READWRITE);
    database.exec(sql);
}

bool contains(const std::string& text, std::string_view what) {
    return text.find(what) != std::string::npos;
}

} // namespace

TEST_CASE("files are private whatever the umask is") {
    const TempDir dir;
    StoreConfig config = dir.config();
    config.state_dir = dir.file("a/b");
    const mode_t old = ::umask(0);
    auto store = must_open(config);
    ::umask(old);
    REQUIRE(put(*store, node(1)));
    CHECK(mode_of(config.state_dir) == 0700);
    for (const char* name :
         {"vbmcd.db", "vbmcd.db-wal", "vbmcd.db-shm", "vbmcd.key", "vbmcd.lock"}) {
        INFO(name);
        CHECK(mode_of(config.state_dir + "/" + name) == 0600);
    }
    store.reset();
    ::chmod((config.state_dir + "/vbmcd.db").c_str(), 0644); // as a careless restore leaves it
    store = must_open(config);
    CHECK(mode_of(config.state_dir + "/vbmcd.db") == 0600);
}

TEST_CASE("a state directory that everybody may write into is refused") {
    const TempDir dir;
    ::chmod(dir.path().c_str(), 0777);
    CHECK(must_refuse(dir.config()).reason == "STATE_DIR_OPEN");
}

TEST_CASE("no secret is in any file in plain text") {
    const TempDir dir;
    {
        auto store = must_open(dir.config());
        REQUIRE(put(*store, node(1), sections("PLAINTEXT-USER")));
        REQUIRE(put_sections(*store, "uid-1", sections("PLAINTEXT-AGAIN")));
        const std::string log = read_file(dir.file("vbmcd.db-wal"));
        CHECK(contains(log, "sel-PLAINTEXT-USER")); // this test can see what is not encrypted
        CHECK_FALSE(contains(log, "users-PLAINTEXT"));
        CHECK_FALSE(contains(log, "backend-secret"));
    }
    const std::string database = read_file(dir.file("vbmcd.db"));
    CHECK(contains(database, "node1"));
    CHECK(contains(database, "sel-PLAINTEXT-AGAIN"));
    CHECK_FALSE(contains(database, "users-PLAINTEXT"));
    CHECK_FALSE(contains(database, "backend-secret"));
}

TEST_CASE("a second store on the same state directory refuses and names the first one's pid") {
    const TempDir dir;
    auto store = must_open(dir.config());
    const Error error = must_refuse(dir.config());
    CHECK(error.reason == "STATE_DIR_IN_USE");
    CHECK(contains(error.message, "pid " + std::to_string(::getpid())));
    CHECK_FALSE(error.hint.empty());

    const TempDir elsewhere; // another directory, but the same database
    StoreConfig same_database = elsewhere.config();
    same_database.database_file = dir.file("vbmcd.db");
    CHECK(must_refuse(same_database).reason == "STATE_DIR_IN_USE");
    store.reset();
    must_open(dir.config());
}

TEST_CASE("an existing database without its key is refused, and no new key appears") {
    const TempDir dir;
    fill(dir, 1);
    std::filesystem::remove(dir.file("vbmcd.key"));
    const Error error = must_refuse(dir.config());
    CHECK(error.reason == "KEY_MISSING");
    CHECK_FALSE(error.hint.empty());
    CHECK_FALSE(std::filesystem::exists(dir.file("vbmcd.key")));
}

TEST_CASE("another key than the database's is refused") {
    const TempDir dir;
    fill(dir, 1);
    write_file(dir.file("vbmcd.key"), std::string(32, 'k'));
    const Error error = must_refuse(dir.config());
    CHECK(error.reason == "WRONG_KEY");
    CHECK(contains(error.message, "vbmcd.key"));
}

TEST_CASE("key files that are not private or not 32 bytes are refused") {
    const TempDir dir;
    fill(dir, 1);
    const std::string key = read_file(dir.file("vbmcd.key"));
    REQUIRE(key.size() == 32);
    for (const mode_t mode : {0640U, 0604U, 0660U, 0644U}) {
        ::chmod(dir.file("vbmcd.key").c_str(), mode);
        CHECK(must_refuse(dir.config()).reason == "KEY_NOT_PRIVATE");
    }
    ::chmod(dir.file("vbmcd.key").c_str(), 0400);
    must_open(dir.config());
    ::chmod(dir.file("vbmcd.key").c_str(), 0600);
    for (const std::string& wrong : {std::string(), key.substr(1), key + "\n"}) {
        write_file(dir.file("vbmcd.key"), wrong);
        const Error error = must_refuse(dir.config());
        CHECK(error.reason == "KEY_UNUSABLE");
        CHECK_FALSE(contains(error.message, key));
    }
}

TEST_CASE("the key may come from an operator's file or a systemd credential") {
    const TempDir keys;
    write_file(keys.file("vbmcd.key"), std::string(32, 'k'));
    ::chmod(keys.file("vbmcd.key").c_str(), 0440); // an access list's mask, as systemd leaves it

    const TempDir with_credential;
    StoreConfig config = with_credential.config();
    config.credentials_directory = keys.path();
    must_open(config);
    CHECK_FALSE(std::filesystem::exists(with_credential.file("vbmcd.key")));
    config.credentials_directory.clear();
    CHECK(must_refuse(config).reason == "KEY_MISSING");

    const TempDir with_file;
    config = with_file.config();
    config.key_file = keys.file("vbmcd.key");
    CHECK(must_refuse(config).reason == "KEY_NOT_PRIVATE");
    ::chmod(config.key_file.c_str(), 0400);
    must_open(config);

    const TempDir mistyped; // an operator's file is never made up
    config = mistyped.config();
    config.key_file = keys.file("no-such.key");
    CHECK(must_refuse(config).reason == "KEY_MISSING");
    CHECK_FALSE(std::filesystem::exists(config.key_file));

    config = mistyped.config(); // a credentials directory without our file changes nothing
    config.credentials_directory = mistyped.path();
    must_open(config);
}

TEST_CASE("a key whose database is gone is told") {
    const TempDir dir;
    {
        auto store = must_open(dir.config());
        const Snapshot first = must_load(*store);
        CHECK(first.fresh_database);
        CHECK_FALSE(first.key_without_database);
    }
    std::filesystem::remove(dir.file("vbmcd.db"));
    auto store = must_open(dir.config());
    const Snapshot all = must_load(*store);
    CHECK(all.fresh_database);
    CHECK(all.key_without_database);
}

TEST_CASE("a missing database whose log is there is refused, and the log is kept") {
    const TempDir dir;
    fill(dir, 1);
    std::filesystem::remove(dir.file("vbmcd.db"));
    write_file(dir.file("vbmcd.db-wal"), "what was acknowledged");
    CHECK(must_refuse(dir.config()).reason == "DATABASE_MISSING");
    CHECK(read_file(dir.file("vbmcd.db-wal")) == "what was acknowledged");
}

TEST_CASE("what is not a whole database of ours is refused, never emptied") {
    const TempDir dir;
    fill(dir);
    const std::string whole = read_file(dir.file("vbmcd.db"));
    REQUIRE(whole.size() > 20'000);
    std::vector<std::string> broken = {
        std::string(), "x", std::string(8'192, '\0'), std::string(100'000, 'z'), "SQLite format 3"};
    for (const std::size_t size :
         {15U, 16U, 99U, 100U, 512U, 4'095U, 4'096U, 4'097U, 8'192U, 12'345U}) {
        broken.push_back(whole.substr(0, size));
    }
    broken.push_back(whole.substr(0, whole.size() - 1));
    broken.push_back(whole.substr(0, whole.size() - 4'096));
    for (const std::string& content : broken) {
        INFO("size " << content.size());
        write_file(dir.file("vbmcd.db"), content);
        const Error error = must_refuse(dir.config());
        CHECK((error.code == ErrorCode::corrupt || error.reason == "NOT_OUR_DATABASE"));
        CHECK_FALSE(error.hint.empty());
        CHECK(read_file(dir.file("vbmcd.db")) == content);
    }
    write_file(dir.file("vbmcd.db"), whole);
    auto store = must_open(dir.config());
    CHECK(must_load(*store).nodes.size() == 50);
}

TEST_CASE("damage anywhere in the database never crashes and never loses a node in silence") {
    const TempDir dir;
    fill(dir);
    const std::string whole = read_file(dir.file("vbmcd.db"));
    std::mt19937 random(20240607);
    int refused = 0;
    for (int round = 0; round < 60; ++round) {
        std::string damaged = whole;
        const std::size_t at = random() % (damaged.size() - 64);
        for (std::size_t i = 0; i < 64; ++i) {
            damaged[at + i] = static_cast<char>(random());
        }
        write_file(dir.file("vbmcd.db"), damaged);
        INFO("round " << round << " at " << at);
        auto store = Store::open(dir.config());
        if (!store) {
            ++refused;
            continue;
        }
        const auto all =
            (*store)->load_all(); // bytes of a value may change unseen, rows may not go
        CHECK((!all || all->nodes.size() == 50));
    }
    CHECK(refused > 10);
}

TEST_CASE("a database of another program, or without our tables, is refused") {
    const TempDir dir;
    fill(dir, 1);
    run_sql(dir.file("vbmcd.db"), "PRAGMA application_id = 1");
    CHECK(must_refuse(dir.config()).reason == "NOT_OUR_DATABASE");
    run_sql(dir.file("vbmcd.db"), "PRAGMA application_id = 1986162019; DROP TABLE event");
    CHECK(must_refuse(dir.config()).code == ErrorCode::corrupt);
    run_sql(dir.file("vbmcd.db"), "DROP TABLE meta");
    CHECK(must_refuse(dir.config()).code == ErrorCode::corrupt);
}

TEST_CASE("a database from a newer version is refused and left alone") {
    const TempDir dir;
    fill(dir, 3);
    run_sql(dir.file("vbmcd.db"), "PRAGMA user_version = 999");
    const Error error = must_refuse(dir.config());
    CHECK(error.reason == "DATABASE_TOO_NEW");
    CHECK(contains(error.message, "999"));
    run_sql(
        dir.file("vbmcd.db"), "PRAGMA user_version = " + std::to_string(migrations().back().version)
    );
    auto store = must_open(dir.config());
    CHECK(must_load(*store).nodes.size() == 3);
}

TEST_CASE("a database that another program has locked is unavailable, at start and later") {
    const TempDir dir;
    fill(dir, 1);
    std::optional<SQLite::Database> other(
        std::in_place, dir.file("vbmcd.db"), SQLite::OPEN_READWRITE
    );
    other->exec("BEGIN IMMEDIATE");
    const Error error = must_refuse(dir.config());
    CHECK(error.code == ErrorCode::unavailable);
    CHECK(error.reason == "DATABASE_LOCKED");
    other->exec("ROLLBACK");

    auto store = must_open(dir.config());
    other->exec("BEGIN IMMEDIATE");
    const auto late = put(*store, node(7));
    REQUIRE_FALSE(late);
    CHECK(late.error().reason == "DATABASE_LOCKED");
    other.reset();
    CHECK(put(*store, node(7)));
    CHECK(must_load(*store).nodes.size() == 2);
}

TEST_CASE("rows that were exchanged or changed make their node damaged, not another one's") {
    const TempDir dir;
    fill(dir, 4);
    run_sql(
        dir.file("vbmcd.db"),
        "CREATE TEMP TABLE kept AS SELECT bytes FROM section WHERE node = 1 AND number = 0;"
        "UPDATE section SET bytes = (SELECT bytes FROM section WHERE node = 2 AND number = 0)"
        " WHERE node = 1 AND number = 0;"
        "UPDATE section SET bytes = (SELECT bytes FROM kept) WHERE node = 2 AND number = 0;"
        "UPDATE node SET secrets = (SELECT secrets FROM node WHERE name = 'node3') WHERE name = "
        "'node2'"
    );
    auto store = must_open(dir.config());
    const Snapshot all = must_load(*store);
    REQUIRE(all.nodes.size() == 4);
    for (const int i : {0, 1, 2}) {
        INFO("node " << i);
        const StoredNode& damaged = all.nodes[static_cast<std::size_t>(i)];
        REQUIRE(damaged.damage);
        CHECK(damaged.damage->code == ErrorCode::corrupt);
        CHECK(contains(damaged.damage->message, "node" + std::to_string(i)));
    }
    CHECK(all.nodes[0].sections.size() == 1); // the other section is fine
    CHECK(all.nodes[2].record.secrets.empty());
    CHECK_FALSE(all.nodes[3].damage);
}

TEST_CASE("a state directory that cannot be written is refused") {
    if (::geteuid() != 0) {
        WARN("needs root, to become another user");
        return;
    }
    const TempDir dir;
    fill(dir, 1);
    constexpr uid_t nobody = 65534;
    for (const char* name : {"vbmcd.db", "vbmcd.key", "vbmcd.lock"}) {
        REQUIRE(::chown(dir.file(name).c_str(), nobody, nobody) == 0);
    }
    REQUIRE(::chown(dir.path().c_str(), nobody, nobody) == 0);
    // Each row: what nobody may not write.
    for (const bool whole_directory : {true, false}) {
        ::chmod(dir.path().c_str(), whole_directory ? 0500 : 0700);
        ::chmod(dir.file("vbmcd.db").c_str(), 0400);
        const pid_t child = ::fork();
        if (child == 0) {
            const bool became = ::setgid(nobody) == 0 && ::setuid(nobody) == 0;
            const auto store = Store::open(dir.config());
            ::_exit(became && !store && store.error().reason == "READ_ONLY" ? 0 : 1);
        }
        int status = -1;
        REQUIRE(::waitpid(child, &status, 0) == child);
        CHECK(status == 0);
    }
}
