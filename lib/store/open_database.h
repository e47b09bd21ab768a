#pragma once
// From a path to a connection that can be trusted: is it there, is it ours, is it whole, can we
// write, is this its key, is it of our version. Anything doubtful is an error, never an empty
// database. At start.

#include "base/result.h"
#include "store/key_file.h"
#include "store/schema.h"
#include "store/sealed_box.h"
#include "store/store.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <span>
#include <string>

namespace vbmc::store {

struct OpenDatabase {
    std::string path;
    KeySource key_source;
    SQLite::Database database;
    SealedBox box;
    bool fresh = false;
    bool key_without_database = false;
};

/// The state directory is locked by the caller. `steps` is migrations(), or a test's own.
Result<OpenDatabase> open_database(const StoreConfig& config, std::span<const Migration> steps);

/// Where the key check lives in the table meta.
inline constexpr const char* key_check_name = "key_check";

/// A box that only the right key opens. Throws SQLite::Exception.
Result<void> write_key_check(SQLite::Database& database, SealedBox& box);

std::string database_path(const StoreConfig& config);

} // namespace vbmc::store
