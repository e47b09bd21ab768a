#include "unit/store/store_support.h"

using namespace vbmc;
using namespace vbmc::store;

namespace {

Result<void> rotate(Store& store) {
    return wait([&](Done done) { store.rotate_key(std::move(done)); });
}

void check_readable(const TempDir& dir) {
    auto store = must_open(dir.config());
    const Snapshot all = must_load(*store);
    REQUIRE(all.nodes.size() == 2);
    for (const StoredNode& stored : all.nodes) {
        CHECK_FALSE(stored.damage);
        CHECK(stored.record.secrets.at("main/password").reveal() == "backend-secret-1");
        CHECK(text(stored.sections.at(0)) == "users-x");
    }
}

} // namespace

TEST_CASE("a new key replaces the old one, and the old one opens nothing any more") {
    const TempDir dir;
    {
        auto store = must_open(dir.config());
        REQUIRE(put(*store, node(1), sections("x")));
        const std::string before = read_file(dir.file("vbmcd.key"));
        REQUIRE(rotate(*store));
        CHECK(read_file(dir.file("vbmcd.key")) != before);
        CHECK_FALSE(std::filesystem::exists(dir.file("vbmcd.key.next")));
        REQUIRE(put(*store, node(2), sections("x"))); // sealed with the new one
        store.reset();
        const std::string after = read_file(dir.file("vbmcd.key"));
        write_file(dir.file("vbmcd.key"), before);
        CHECK(must_refuse(dir.config()).reason == "WRONG_KEY");
        write_file(dir.file("vbmcd.key"), after);
    }
    check_readable(dir);
}

TEST_CASE("a rotation that was cut off before or after its commit is settled at the next start") {
    const TempDir dir;
    {
        auto store = must_open(dir.config());
        REQUIRE(put(*store, node(1), sections("x")));
        REQUIRE(put(*store, node(2), sections("x")));
    }
    const std::string old_key = read_file(dir.file("vbmcd.key"));

    // Before: the next key's file is there, the database has the old key.
    write_file(dir.file("vbmcd.key.next"), std::string(32, 'n'));
    std::filesystem::permissions(dir.file("vbmcd.key.next"), std::filesystem::perms(0600));
    check_readable(dir);
    CHECK_FALSE(std::filesystem::exists(dir.file("vbmcd.key.next")));
    CHECK(read_file(dir.file("vbmcd.key")) == old_key);

    // After: the database has the next key, the files were not exchanged yet.
    {
        auto store = must_open(dir.config());
        REQUIRE(rotate(*store));
    }
    std::filesystem::rename(dir.file("vbmcd.key"), dir.file("vbmcd.key.next"));
    write_file(dir.file("vbmcd.key"), old_key);
    std::filesystem::permissions(dir.file("vbmcd.key"), std::filesystem::perms(0600));
    check_readable(dir);
    CHECK(read_file(dir.file("vbmcd.key")) != old_key);
    check_readable(dir);
}

TEST_CASE("a systemd credential is not ours to replace") {
    const TempDir keys;
    write_file(keys.file("vbmcd.key"), std::string(32, 'k'));
    std::filesystem::permissions(keys.file("vbmcd.key"), std::filesystem::perms(0400));
    const TempDir dir;
    StoreConfig config = dir.config();
    config.credentials_directory = keys.path();
    auto store = must_open(config);
    const auto refused = rotate(*store);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().reason == "KEY_NOT_OURS");
    CHECK(put(*store, node(1)));
}
