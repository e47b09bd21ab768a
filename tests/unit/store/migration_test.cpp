#include "store/open_database.h"
#include "store/schema.h"
#include "store/sqlite_error.h"
#include "unit/store/store_support.h"

#include <array>
#include <sys/stat.h>

using namespace vbmc;
using namespace vbmc::store;

namespace {

const std::string first_step = migrations()[0].sql;
const std::string second_step = migrations()[1].sql;

const std::array newer = {
    Migration{1, first_step.c_str()},
    Migration{2, second_step.c_str()},
    Migration{3, "ALTER TABLE node ADD COLUMN note TEXT NOT NULL DEFAULT 'none'"},
    Migration{4, "UPDATE node SET note = note || ' given'"},
};

} // namespace

TEST_CASE("the steps are numbered from one without gaps") {
    int expected = 1;
    for (const Migration& step : migrations()) {
        CHECK(step.version == expected++);
    }
}

TEST_CASE("an older database is brought up to date, and kept as it was beside it") {
    const TempDir dir;
    {
        auto store = must_open(dir.config());
        REQUIRE(put(*store, node(1), sections("one")));
    }
    {
        auto opened = open_database(dir.config(), newer);
        REQUIRE(opened);
        CHECK(version_of(opened->database) == 4);
        CHECK(opened->database.execAndGet("SELECT note FROM node").getString() == "none given");
    }
    CHECK(must_refuse(dir.config()).reason == "DATABASE_TOO_NEW");

    const std::string backup = dir.file("vbmcd.db.v2.bak");

    struct ::stat status {};

    REQUIRE(::stat(backup.c_str(), &status) == 0);
    CHECK((status.st_mode & 0777) == 0600);
    std::filesystem::remove(dir.file("vbmcd.db"));
    std::filesystem::rename(backup, dir.file("vbmcd.db")); // the way back
    auto store = must_open(dir.config());
    CHECK(must_load(*store).nodes.at(0).sections.size() == 2);
}

TEST_CASE("a step that fails leaves the database at the step before") {
    const TempDir dir;
    must_open(dir.config());
    const std::array broken = {
        newer[0], newer[1], newer[2], Migration{4, "ALTER TABLE nowhere ADD COLUMN x"}};
    CHECK_FALSE(open_database(dir.config(), broken));
    {
        SQLite::Database database(dir.file("vbmcd.db"));
        CHECK(version_of(database) == 3);
    }
    const auto repaired = open_database(dir.config(), newer);
    CHECK(repaired);
}

TEST_CASE("rests of an interrupted creation do not matter") {
    const TempDir dir;
    write_file(dir.file("vbmcd.db.new"), "half a database");
    write_file(dir.file("vbmcd.db.new-journal"), "and its journal");
    write_file(dir.file("vbmcd.key.new"), "half a key");
    auto store = must_open(dir.config());
    CHECK(must_load(*store).fresh_database);
    CHECK_FALSE(std::filesystem::exists(dir.file("vbmcd.db.new")));
    CHECK_FALSE(std::filesystem::exists(dir.file("vbmcd.key.new")));
}
