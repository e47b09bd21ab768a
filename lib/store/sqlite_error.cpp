#include "store/sqlite_error.h"

#include <cerrno>
#include <sqlite3.h>

namespace vbmc::store {

namespace {

bool means_full(int error_number) noexcept {
    return error_number == ENOSPC || error_number == EDQUOT || error_number == EFBIG;
}

/// What the kernel said to the last failed access: to the database, or to the log beside it. SQLite
/// calls only ENOSPC "full"; a quota (EDQUOT) or a limit (EFBIG) comes as an input/output error.
bool files_are_full(const SQLite::Database* database) {
    if (database == nullptr) {
        return means_full(errno);
    }
    ::sqlite3* const handle = database->getHandle();
    for (const int which : {SQLITE_FCNTL_FILE_POINTER, SQLITE_FCNTL_JOURNAL_POINTER}) {
        ::sqlite3_file* file = nullptr;
        int last = 0;
        if (::sqlite3_file_control(handle, "main", which, &file) == SQLITE_OK && file != nullptr &&
            file->pMethods != nullptr &&
            file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &last) == SQLITE_OK &&
            means_full(last)) {
            return true;
        }
    }
    return false;
}

Error disk_full(const std::string& path) {
    return Error(
               ErrorCode::resource_exhausted,
               "DISK_FULL",
               "the file system that holds the database " + path + " is full"
    )
        .with_hint("make room there; vbmcd goes on where it was");
}

Error locked(const std::string& path) {
    return Error(
               ErrorCode::unavailable,
               "DATABASE_LOCKED",
               "another program has locked the database " + path
    )
        .with_hint("find it with: fuser -v " + path);
}

Error read_only(const std::string& path) {
    return Error(
               ErrorCode::failed_precondition,
               "READ_ONLY",
               "the database " + path + " cannot be written"
    )
        .with_hint("file, directory and file system must be writable for the user that runs vbmcd");
}

} // namespace

Error corrupt_database(const std::string& path, const std::string& detail) {
    return Error(
               ErrorCode::corrupt,
               "DATABASE_CORRUPT",
               "the database " + path + " is damaged: " + detail
    )
        .with_hint("restore it from your backup; nothing was changed in it");
}

Error unexpected(const std::exception& exception) {
    return Error(ErrorCode::internal, std::string("the store failed: ") + exception.what());
}

Error sqlite_error(
    const SQLite::Exception& exception, const SQLite::Database* database, const std::string& path
) {
    const int system_error =
        database != nullptr ? ::sqlite3_system_errno(database->getHandle()) : errno;
    switch (exception.getErrorCode() & 0xff) { // the primary code
    case SQLITE_FULL:
        return disk_full(path);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return locked(path);
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return read_only(path);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return corrupt_database(path, exception.what());
    case SQLITE_NOMEM:
        return Error(ErrorCode::resource_exhausted, "NO_MEMORY", "SQLite ran out of memory");
    case SQLITE_TOOBIG:
        return Error(ErrorCode::invalid_argument, "TOO_BIG", "this is too big for the database");
    case SQLITE_IOERR:
        // SQLITE_IOERR_SHMSIZE: the log's index cannot grow.
        if (exception.getExtendedErrorCode() == SQLITE_IOERR_SHMSIZE || files_are_full(database)) {
            return disk_full(path);
        }
        return Error(
                   ErrorCode::unavailable,
                   "IO_ERROR",
                   "reading or writing the database " + path + " failed: " + exception.what()
        )
            .with_hint("look for disk errors in the kernel's log (dmesg)");
    case SQLITE_CANTOPEN:
        if (means_full(system_error)) {
            return disk_full(path);
        }
        if (system_error == EROFS || system_error == EACCES || system_error == EPERM) {
            return read_only(path);
        }
        return Error(
                   ErrorCode::unavailable,
                   "CANNOT_OPEN",
                   "the database " + path + " or a file beside it cannot be opened"
        )
            .with_hint("file and directory must be writable for the user that runs vbmcd");
    default:
        return Error(
            ErrorCode::internal,
            "DATABASE_ERROR",
            "the database " + path + " refused: " + exception.what()
        );
    }
}

} // namespace vbmc::store
