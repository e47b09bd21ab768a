#pragma once
// Values into and out of SQLite statements. On the store thread.

#include "base/bytes.h"
#include "base/time.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <chrono>
#include <string>

namespace vbmc::store {

/// A statement in use: afterwards it is ready again and holds on to nothing of ours.
class Use {
  public:
    explicit Use(SQLite::Statement& statement) : statement_(statement) {}

    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;

    ~Use() {
        statement_.tryReset(); // repeats the error of the last step, which was reported already
        statement_.clearBindings();
    }

  private:
    SQLite::Statement& statement_;
};

/// Not copied: the text must live until the statement was run.
inline void bind_text(SQLite::Statement& statement, int index, const std::string& text) {
    statement.bindNoCopy(index, text);
}

inline void bind_bytes(SQLite::Statement& statement, int index, Bytes bytes) {
    static constexpr u8 nothing = 0; // a null pointer would bind NULL
    statement.bindNoCopy(
        index, bytes.empty() ? &nothing : bytes.data(), static_cast<int>(bytes.size())
    );
}

inline Bytes bytes_of(const SQLite::Column& column) {
    const void* const data = column.getBlob();
    return {static_cast<const u8*>(data), static_cast<std::size_t>(column.getBytes())};
}

inline i64 milliseconds(Wall when) {
    return i64{when.time_since_epoch().count()};
}

inline Wall wall_of(i64 milliseconds) {
    return Wall(std::chrono::milliseconds(milliseconds));
}

/// Where a source's box belongs: part of what is authenticated, so that rows cannot be exchanged.
std::string source_secrets_place(const std::string& name);

} // namespace vbmc::store
