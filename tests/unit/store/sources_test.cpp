#include "unit/store/store_support.h"

#include <SQLiteCpp/SQLiteCpp.h>

using namespace vbmc;
using namespace vbmc::store;

namespace {

SourceRecord source(const std::string& name, const std::string& secret = "s3cr3t-inventory") {
    SourceRecord record;
    record.name = name;
    record.spec = R"({"kind":"sim"})";
    record.secrets.emplace("option/inventory", Secret(std::string_view(secret)));
    record.updated = Wall(std::chrono::milliseconds(1'700'000'000'456));
    return record;
}

Result<void> put_source(Store& store, SourceRecord record) {
    return wait([&](Done done) { store.put_source(std::move(record), std::move(done)); });
}

Result<void> remove_source(Store& store, std::string name) {
    return wait([&](Done done) { store.remove_source(std::move(name), std::move(done)); });
}

std::vector<StoredSource> load(Store& store) {
    auto all = store.load_sources();
    if (!all) {
        FAIL(describe(all.error()));
    }
    return std::move(*all);
}

} // namespace

TEST_CASE("sources are kept, replaced and forgotten") {
    const TempDir dir;
    {
        auto store = must_open(dir.config());
        CHECK(load(*store).empty());
        REQUIRE(put_source(*store, source("b")));
        REQUIRE(put_source(*store, source("a")));
        REQUIRE(put_source(*store, source("b", "another")));
        REQUIRE(put_source(*store, source("c")));
        REQUIRE(remove_source(*store, "c"));
        CHECK(remove_source(*store, "c").error().reason == "SOURCE_NOT_FOUND");
    }
    auto store = must_open(dir.config());
    const std::vector<StoredSource> all = load(*store);
    REQUIRE(all.size() == 2);
    CHECK(all[0].record.name == "a");
    CHECK(all[0].record.spec == R"({"kind":"sim"})");
    CHECK(all[0].record.updated == source("a").updated);
    CHECK_FALSE(all[0].damage);
    CHECK(all[0].record.secrets.at("option/inventory").reveal() == "s3cr3t-inventory");
    CHECK(all[1].record.secrets.at("option/inventory").reveal() == "another");
}

TEST_CASE("a source's secrets are sealed, follow a new key, and cannot change places") {
    const TempDir dir;
    {
        auto store = must_open(dir.config());
        REQUIRE(put_source(*store, source("a", "s3cr3t-of-a")));
        REQUIRE(put_source(*store, source("b", "s3cr3t-of-b")));
        REQUIRE(wait([&](Done done) { store->rotate_key(std::move(done)); }));
    }
    CHECK(read_file(dir.file("vbmcd.db")).find("s3cr3t-of") == std::string::npos);
    {
        auto store = must_open(dir.config());
        CHECK(load(*store).at(0).record.secrets.at("option/inventory").reveal() == "s3cr3t-of-a");
    }
    {
        SQLite::Database database(dir.file("vbmcd.db"), SQLite::OPEN_READWRITE);
        database.exec("UPDATE source SET secrets = (SELECT secrets FROM source WHERE name = 'b')"
                      " WHERE name = 'a'");
    }
    auto store = must_open(dir.config());
    const std::vector<StoredSource> all = load(*store);
    REQUIRE(all.at(0).damage);
    CHECK(all[0].damage->reason == "SOURCE_DAMAGED");
    CHECK(all[0].record.secrets.empty());
    CHECK_FALSE(all.at(1).damage);
}
