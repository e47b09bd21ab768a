#include "store/schema.h"

#include <array>
#include <string>

namespace vbmc::store {

namespace {

// node.id is a short stand-in for uid in the many rows of section. Times are milliseconds since
// 1970.
constexpr const char* step_1 = R"sql(
    CREATE TABLE meta (
        name  TEXT PRIMARY KEY NOT NULL,
        value BLOB NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE node (
        id      INTEGER PRIMARY KEY,
        uid     TEXT NOT NULL UNIQUE,
        name    TEXT NOT NULL UNIQUE,
        etag    TEXT NOT NULL,
        enabled INTEGER NOT NULL,
        address TEXT NOT NULL,
        port    INTEGER NOT NULL,
        spec    TEXT NOT NULL,
        secrets BLOB,
        created INTEGER NOT NULL,
        updated INTEGER NOT NULL,
        UNIQUE (address, port)
    );

    CREATE TABLE section (
        node   INTEGER NOT NULL REFERENCES node (id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        bytes  BLOB NOT NULL,
        PRIMARY KEY (node, number)
    );

    CREATE TABLE event (
        sequence INTEGER PRIMARY KEY,
        at       INTEGER NOT NULL,
        kind     TEXT NOT NULL,
        node     TEXT NOT NULL,
        who      TEXT NOT NULL,
        message  TEXT NOT NULL,
        fields   TEXT NOT NULL
    );
)sql";

constexpr const char* step_2 = R"sql(
    CREATE TABLE source (
        id      INTEGER PRIMARY KEY,
        name    TEXT NOT NULL UNIQUE,
        spec    TEXT NOT NULL,
        secrets BLOB,
        updated INTEGER NOT NULL
    );
)sql";

constexpr std::array steps = {Migration{1, step_1}, Migration{2, step_2}};

} // namespace

std::span<const Migration> migrations() noexcept {
    return steps;
}

int version_of(SQLite::Database& database) {
    return database.execAndGet("PRAGMA user_version").getInt();
}

void migrate(SQLite::Database& database, std::span<const Migration> all) {
    for (const Migration& step : all) {
        if (step.version <= version_of(database)) {
            continue;
        }
        SQLite::Transaction transaction(database, SQLite::TransactionBehavior::IMMEDIATE);
        database.exec(step.sql);
        database.exec("PRAGMA user_version = " + std::to_string(step.version));
        transaction.commit();
    }
}

} // namespace vbmc::store
