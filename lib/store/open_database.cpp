#include "store/open_database.h"

#include "store/files.h"
#include "store/sqlite_error.h"

#include <SQLiteCpp/Backup.h>

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <sqlite3.h>
#include <unistd.h>

namespace vbmc::store {

namespace {

constexpr std::string_view key_check_place = "key check";
constexpr std::string_view key_check_text = "vbmcd";

/// SQLite's files beside a database: what is left of them must not meet another database.
constexpr std::array<const char*, 3> companions = {"-wal", "-shm", "-journal"};

Bytes bytes_of(std::string_view text) noexcept {
    return {reinterpret_cast<const u8*>(text.data()), text.size()}; // bytes as bytes
}

Result<void> remove_database(const std::string& path) {
    for (const char* suffix : companions) {
        if (auto removed = remove_file(path + suffix); !removed) {
            return removed;
        }
    }
    return remove_file(path);
}

/// A missing database whose log is still there was not missing when vbmcd ended. SQLite would start
/// an empty one and drop the log.
Result<void> check_no_orphaned_log(const std::string& path) {
    const auto log = look_at(path + "-wal");
    if (!log) {
        return log.error();
    }
    if (*log && (*log)->size > 0) {
        return Error(
                   ErrorCode::corrupt,
                   "DATABASE_MISSING",
                   "the database " + path + " is missing, but its write-ahead log is there"
        )
            .with_hint("restore the database from your backup; to begin anew, move the log away");
    }
    return {};
}

/// Written under another name and renamed when it is complete: a database that was half made by a
/// crash could not be told from a damaged one.
Result<void>
create_database(const std::string& path, SealedBox& box, std::span<const Migration> steps) {
    const std::string unfinished = path + ".new";
    if (auto removed = remove_database(unfinished); !removed) {
        return removed;
    }
    if (auto created = create_private(unfinished, {}); !created) {
        return created;
    }
    const auto filled = guarded(nullptr, unfinished, [&]() -> Result<void> {
        SQLite::Database database(unfinished, SQLite::OPEN_READWRITE);
        return guarded(&database, unfinished, [&]() -> Result<void> {
            database.exec("PRAGMA synchronous = FULL");
            database.exec("PRAGMA application_id = " + std::to_string(application_id));
            migrate(database, steps);
            return write_key_check(database, box);
        });
    });
    return filled ? rename_durably(unfinished, path) : filled;
}

Result<void> check_identity(SQLite::Database& database, const std::string& path, int newest) {
    if (database.execAndGet("PRAGMA application_id").getInt() != application_id) {
        return Error(
                   ErrorCode::failed_precondition,
                   "NOT_OUR_DATABASE",
                   "the database " + path + " belongs to another program"
        )
            .with_hint("choose another --state-dir");
    }
    const int version = version_of(database);
    if (version > newest) {
        return Error(
                   ErrorCode::failed_precondition,
                   "DATABASE_TOO_NEW",
                   "the database " + path + " was written by a newer vbmcd (format " +
                       std::to_string(version) + "; this one knows up to " +
                       std::to_string(newest) + ")"
        )
            .with_hint("run that version again; its backup from before the upgrade is beside it");
    }
    return {};
}

Result<void> check_health(SQLite::Database& database, const std::string& path) {
    const std::string verdict = database.execAndGet("PRAGMA quick_check(1)").getString();
    if (verdict != "ok") {
        return corrupt_database(path, verdict);
    }
    if (::sqlite3_db_readonly(database.getHandle(), "main") == 1) {
        return sqlite_error(SQLite::Exception("read-only", SQLITE_READONLY), &database, path);
    }
    return {};
}

void set_up_connection(SQLite::Database& database, int busy_timeout_ms) {
    database.setBusyTimeout(busy_timeout_ms);
    database.exec("PRAGMA trusted_schema = OFF");
    database.exec("PRAGMA cell_size_check = ON");
    database.exec("PRAGMA foreign_keys = ON");
    database.exec("PRAGMA synchronous = FULL"); // an acknowledged write is on the disk
}

Result<void> start_log(SQLite::Database& database, const std::string& path) {
    const std::string mode = database.execAndGet("PRAGMA journal_mode = WAL").getString();
    if (mode != "wal") {
        return Error(
                   ErrorCode::failed_precondition,
                   "the file system of " + path + " cannot do shared memory"
        )
            .with_hint("put the state directory on a local file system");
    }
    database.exec("PRAGMA journal_size_limit = 67108864"); // the log shrinks again after bulk work
    // Says now, rather than at the first change, that somebody holds a lock or that we cannot
    // write.
    SQLite::Transaction probe(database, SQLite::TransactionBehavior::IMMEDIATE);
    return {};
}

std::optional<std::vector<u8>> read_key_check(SQLite::Database& database) {
    SQLite::Statement query(database, "SELECT value FROM meta WHERE name = ?");
    query.bind(1, key_check_name);
    if (!query.executeStep()) {
        return std::nullopt;
    }
    const SQLite::Column value = query.getColumn(0);
    const u8* const data = static_cast<const u8*>(value.getBlob());
    return std::vector<u8>(data, data + value.getBytes());
}

bool opens(SealedBox& box, Bytes check) {
    const auto text = box.open(check, key_check_place);
    return text && equal(*text, bytes_of(key_check_text));
}

/// Leaves `box` with the key that the database is encrypted with. A rotation that was interrupted
/// between database and key file is finished, or forgotten, here.
Result<void> settle_key(
    SQLite::Database& database, const std::string& path, const KeySource& source, SealedBox& box
) {
    const auto check = read_key_check(database);
    if (!check) {
        return corrupt_database(path, "it has no key check");
    }
    const std::string next_path = next_key_path(source);
    if (opens(box, *check)) {
        return source.kind == KeySource::Kind::credential ? Result<void>() : remove_file(next_path);
    }
    if (auto next = read_key_file(source, next_path); next) {
        SealedBox next_box(std::move(*next));
        if (opens(next_box, *check)) {
            box = std::move(next_box);
            return rename_durably(next_path, source.path);
        }
    }
    return Error(
               ErrorCode::failed_precondition,
               "WRONG_KEY",
               "the database " + path + " was encrypted with another key than " + source.path
    )
        .with_hint("restore the key file that belongs to this database");
}

/// A copy of the database as it was before the upgrade, complete or absent.
Result<void> back_up(SQLite::Database& database, const std::string& path, int version) {
    const std::string copy = path + ".v" + std::to_string(version) + ".bak";
    const std::string unfinished = copy + ".new";
    if (auto removed = remove_database(unfinished); !removed) {
        return removed;
    }
    if (auto created = create_private(unfinished, {}); !created) {
        return created;
    }
    {
        SQLite::Database target(unfinished, SQLite::OPEN_READWRITE);
        SQLite::Backup backup(target, database);
        backup.executeStep(-1);
    }
    return rename_durably(unfinished, copy);
}

Result<void> bring_up_to_date(
    SQLite::Database& database, const std::string& path, std::span<const Migration> steps
) {
    const int version = version_of(database);
    if (version == newest_version(steps)) {
        return {};
    }
    if (auto saved = back_up(database, path, version); !saved) {
        return saved;
    }
    migrate(database, steps);
    return {};
}

Result<void> check_and_prepare(
    OpenDatabase& opened, const StoreConfig& config, std::span<const Migration> steps
) {
    SQLite::Database& database = opened.database;
    const std::string& path = opened.path;
    set_up_connection(database, config.busy_timeout_ms);
    if (auto ours = check_identity(database, path, newest_version(steps)); !ours) {
        return ours;
    }
    if (auto healthy = check_health(database, path); !healthy) {
        return healthy;
    }
    if (auto writable = start_log(database, path); !writable) {
        return writable;
    }
    if (auto settled = settle_key(database, path, opened.key_source, opened.box); !settled) {
        return settled;
    }
    return bring_up_to_date(database, path, steps);
}

/// Modes that a copy or a restore may have widened.
Result<void> make_files_private(const std::string& path) {
    for (const char* suffix : companions) {
        if (auto done = make_private(path + suffix); !done) {
            return done;
        }
    }
    return make_private(path);
}

/// SQLite reads a last page that was cut short as if zeros followed. Without a log to repair it
/// from, a file that is not whole pages has lost something.
Result<void> check_not_cut(const std::string& path, u64 size) {
    const auto log = look_at(path + "-wal");
    if (!log) {
        return log.error();
    }
    if (*log && (*log)->size > 0) {
        return {};
    }
    ByteArray<18> header{};
    const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open() || ::pread(file.fd(), header.data(), header.size(), 0) < 0) {
        return file_error(errno, "read", path);
    }
    // SQLite's file format, 1.3: big-endian at offset 16, 1 stands for 65536.
    const u32 field = static_cast<u32>(header[16]) << 8 | header[17];
    const u32 page = field == 1 ? 65'536 : field;
    if (page == 0 || size % page != 0) {
        return corrupt_database(path, "it was cut off");
    }
    return {};
}

/// Whether there is a database; what cannot be one is an error.
Result<bool> database_exists(const std::string& path) {
    const auto facts = look_at(path);
    if (!facts) {
        return facts.error();
    }
    if (!*facts) {
        if (auto fine = check_no_orphaned_log(path); !fine) {
            return fine.error();
        }
        return false;
    }
    if (!(*facts)->regular) {
        return corrupt_database(path, "it is not a file");
    }
    if ((*facts)->size == 0) { // to SQLite that is a new database
        return corrupt_database(path, "it is empty");
    }
    if (auto whole = check_not_cut(path, (*facts)->size); !whole) {
        return whole.error();
    }
    return true;
}

} // namespace

std::string database_path(const StoreConfig& config) {
    return config.database_file.empty() ? config.state_dir + "/vbmcd.db" : config.database_file;
}

Result<void> write_key_check(SQLite::Database& database, SealedBox& box) {
    const auto check = box.seal(bytes_of(key_check_text), key_check_place);
    if (!check) {
        return check.error();
    }
    SQLite::Statement put(database, "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)");
    put.bind(1, key_check_name);
    put.bind(2, check->data(), static_cast<int>(check->size()));
    put.exec();
    return {};
}

Result<OpenDatabase> open_database(const StoreConfig& config, std::span<const Migration> steps) {
    const std::string path = database_path(config);
    const KeySource source = key_source(config);
    const Result<bool> exists = database_exists(path);
    if (!exists) {
        return exists.error();
    }
    auto key = load_key(source, !*exists);
    if (!key) {
        return key.error();
    }
    SealedBox box(std::move(key->key));
    if (!*exists) {
        if (auto created = create_database(path, box, steps); !created) {
            return created.error();
        }
    }
    if (auto done = make_files_private(path); !done) {
        return done.error();
    }
    return guarded(nullptr, path, [&]() -> Result<OpenDatabase> {
        OpenDatabase opened{
            path,
            source,
            SQLite::Database(path, SQLite::OPEN_READWRITE | SQLite::OPEN_NOMUTEX),
            std::move(box),
            !*exists,
            !*exists && !key->created};
        const Result<void> ready = guarded(&opened.database, path, [&]() -> Result<void> {
            return check_and_prepare(opened, config, steps);
        });
        if (!ready) {
            const Error& error = ready.error();
            // SQL that fails on a file which passed as ours: its tables are not what they should
            // be.
            return error.reason == "DATABASE_ERROR" ? corrupt_database(path, error.message) : error;
        }
        return opened;
    });
}

} // namespace vbmc::store
