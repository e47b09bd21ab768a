#pragma once
// The tables, as the list of steps that lead to them. A database carries the number of the last
// step that it has seen (user_version). A released step is never edited; a change is a new one at
// the end.

#include <SQLiteCpp/SQLiteCpp.h>

#include <span>

namespace vbmc::store {

/// "vbmc": says that a SQLite file is ours.
inline constexpr int application_id = 0x76626d63;

struct Migration {
    int version;     // 1, 2, 3 ... without gaps
    const char* sql; // from version - 1 to version
};

std::span<const Migration> migrations() noexcept;

inline int newest_version(std::span<const Migration> steps) noexcept {
    return steps.empty() ? 0 : steps.back().version;
}

/// Takes the steps that are missing, each in a transaction with its number. Throws
/// SQLite::Exception.
void migrate(SQLite::Database& database, std::span<const Migration> steps);

int version_of(SQLite::Database& database);

} // namespace vbmc::store
