// The database's sources of nodes: one row each, their secrets encrypted.

#include "store/bindings.h"
#include "store/database.h"
#include "store/secrets_codec.h"
#include "store/sqlite_error.h"

namespace vbmc::store {

namespace {

Error damaged_source(const std::string& name, const std::string& why) {
    return Error(
               ErrorCode::corrupt,
               "SOURCE_DAMAGED",
               "the secrets of source " + name + " cannot be trusted: " + why
    )
        .with_hint("remove the source and add it again, or restore the database from your backup");
}

} // namespace

std::string source_secrets_place(const std::string& name) {
    return "source:" + name;
}

Result<void> Database::write_source(const SourceRecord& record) {
    std::vector<u8> box;
    if (!record.secrets.empty()) {
        std::vector<u8> plain = encode_secrets(record.secrets);
        auto sealed = opened_.box.seal(plain, source_secrets_place(record.name));
        wipe(plain);
        if (!sealed) {
            return sealed.error();
        }
        box = std::move(*sealed);
    }
    SQLite::Statement put(
        sql_,
        "INSERT INTO source (name, spec, secrets, updated) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET spec = excluded.spec, secrets = excluded.secrets,"
        " updated = excluded.updated"
    );
    bind_text(put, 1, record.name);
    bind_text(put, 2, record.spec);
    if (box.empty()) {
        put.bind(3);
    } else {
        bind_bytes(put, 3, box);
    }
    put.bind(4, milliseconds(record.updated));
    put.exec();
    return {};
}

Result<void> Database::put_source(const SourceRecord& record) {
    return guarded(&sql_, opened_.path, [&] { return write_source(record); });
}

Result<void> Database::remove_source(const std::string& name) {
    return guarded(&sql_, opened_.path, [&]() -> Result<void> {
        SQLite::Statement remove(sql_, "DELETE FROM source WHERE name = ?");
        bind_text(remove, 1, name);
        if (remove.exec() > 0) {
            return {};
        }
        return Error(ErrorCode::not_found, "SOURCE_NOT_FOUND", "there is no source '" + name + "'");
    });
}

Result<std::vector<StoredSource>> Database::load_sources() {
    using Sources = Result<std::vector<StoredSource>>;
    return guarded(&sql_, opened_.path, [&]() -> Sources { return read_sources(); });
}

std::vector<StoredSource> Database::read_sources() {
    std::vector<StoredSource> all;
    SQLite::Statement row(sql_, "SELECT name, spec, secrets, updated FROM source ORDER BY name");
    while (row.executeStep()) {
        StoredSource& source = all.emplace_back();
        SourceRecord& record = source.record;
        record.name = row.getColumn(0).getString();
        record.spec = row.getColumn(1).getString();
        record.updated = wall_of(row.getColumn(3).getInt64());
        if (row.getColumn(2).isNull()) {
            continue;
        }
        auto plain =
            opened_.box.open(bytes_of(row.getColumn(2)), source_secrets_place(record.name));
        if (!plain) {
            source.damage = damaged_source(record.name, plain.error().message);
            continue;
        }
        auto secrets = decode_secrets(*plain);
        wipe(*plain);
        if (!secrets) {
            source.damage = damaged_source(record.name, "they are not in the expected form");
            continue;
        }
        record.secrets = std::move(*secrets);
    }
    return all;
}

} // namespace vbmc::store
