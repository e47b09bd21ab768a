#pragma once
// Where SQLite's exceptions end: each becomes one sentence for a person, with a hint. Any thread.

#include "base/result.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <exception>
#include <string>
#include <utility>

namespace vbmc::store {

/// `database` may be null while there is no connection yet.
Error sqlite_error(
    const SQLite::Exception& exception, const SQLite::Database* database, const std::string& path
);

Error unexpected(const std::exception& exception);

/// The files are there, but what they say cannot be trusted.
Error corrupt_database(const std::string& path, const std::string& detail);

/// Runs `work`, which returns a Result or void, and turns what it throws into an Error.
template <class Work>
auto guarded(const SQLite::Database* database, const std::string& path, Work&& work) noexcept
    -> decltype(work()) {
    try {
        return std::forward<Work>(work)();
    } catch (const SQLite::Exception& exception) {
        return sqlite_error(exception, database, path);
    } catch (const std::exception& exception) {
        return unexpected(exception);
    }
}

} // namespace vbmc::store
