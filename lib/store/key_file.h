#pragma once
// Where the key that encrypts the secrets comes from: an operator's file, a systemd credential, or
// a file of our own that is made on the first start and never again. Used at start and for
// rotation.

#include "base/result.h"
#include "base/secret.h"
#include "store/store.h"

#include <string>

namespace vbmc::store {

struct KeySource {
    enum class Kind { operators_file, credential, own_file };
    Kind kind = Kind::own_file;
    std::string path;
};

KeySource key_source(const StoreConfig& config);

struct LoadedKey {
    Secret key;
    bool created = false;
};

/// Reads the key; creates it when it is our own file and `may_create`. A missing key of an existing
/// database is an error: a new key would make its secrets unreadable for good.
Result<LoadedKey> load_key(const KeySource& source, bool may_create);

/// The rotation's next key, beside the current one, until the database has been changed over.
std::string next_key_path(const KeySource& source);

/// Nothing but the file's content: for the next key.
Result<Secret> read_key_file(const KeySource& source, const std::string& path);

} // namespace vbmc::store
