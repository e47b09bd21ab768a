#pragma once
// The fleet's memory: SQLite behind a thread of its own, named "store", which owns the only
// connection. Owned by vbmcd's main; posted to from any thread, in practice from control.
//
// Every write is acknowledged by its `done` exactly once, ON THE STORE THREAD, after what it wrote
// is on the disk (or was refused): post it on to your own thread. `done` must not throw and must
// not block. Writes take effect in the order of the calls. Whatever waits while the store thread is
// busy goes into one transaction (one fsync), each write in its own savepoint: a write that breaks
// a rule fails alone. When the transaction itself cannot be committed (full disk, locked database),
// all in it fail, and nothing of it is kept.
//
// The queue is bounded by StoreConfig::queue_bytes_max. A write beyond it is not kept: its `done`
// gets resource_exhausted / STORE_BUSY, in order, also on the store thread.
//
// No exception leaves this header; errors are one sentence for a person, with a hint.

#include "store/records.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::store {

using Done = std::function<void(Result<void>)>;

struct StoreConfig {
    std::string state_dir;     // created 0700 when missing
    std::string database_file; // empty: state_dir/vbmcd.db

    /// Where the 32 bytes are that encrypt the secrets; the first that is set (and, for the second,
    /// holds a file vbmcd.key) wins. Only the default is created, on the first start, with mode
    /// 0600.
    std::string key_file;              // 1. an operator's own file
    std::string credentials_directory; // 2. systemd's; its file vbmcd.key
                                       // 3. state_dir/vbmcd.key

    std::size_t events_max = 10'000;
    std::size_t queue_bytes_max = std::size_t{256} << 20; // some 30,000 whole nodes
    int busy_timeout_ms = 5'000; // for another program that holds the database

    /// For tests: asked before each write with its name ("put_node", "remove_node", "put_sections",
    /// "put_source", "remove_source", "append_events", "rotate_key", "commit"), on the store
    /// thread; true makes it fail.
    std::function<bool(std::string_view)> fail_write;
};

/// state_dir, and $CREDENTIALS_DIRECTORY when it is set.
StoreConfig default_config(std::string state_dir);

class Store {
  public:
    /// Takes the directory's lock, checks the files, the key and the version, and starts the
    /// thread. Blocks; fails rather than begin with less than what was acknowledged before.
    static Result<std::unique_ptr<Store>> open(StoreConfig config);

    /// As close().
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    /// Everything, decrypted. Blocks: for the start, before there is a fleet to block. Never from
    /// `done`.
    Result<Snapshot> load_all();

    /// All sources, in name order. As load_all().
    Result<std::vector<StoredSource>> load_sources();

    /// Adds the node, or replaces the one of that uid, together with the sections that are given;
    /// all or nothing. Sections that are not given stay as they are. already_exists: NODE_EXISTS
    /// (the name) or ENDPOINT_IN_USE (address and port; names the owner).
    void put_node(NodeRecord record, std::vector<SectionBlob> sections, Done done);

    /// With its sections. not_found: NODE_NOT_FOUND.
    void remove_node(std::string uid, Done done);

    /// Some sections of one node, all or nothing. not_found: NODE_NOT_FOUND (it was removed
    /// meanwhile).
    void put_sections(std::string uid, std::vector<SectionBlob> sections, Done done);

    /// Adds the source, or replaces the one of that name.
    void put_source(SourceRecord record, Done done);

    /// not_found: SOURCE_NOT_FOUND.
    void remove_source(std::string name, Done done);

    /// Without `done` they are written within a quarter of a second, or with the next write.
    void append_events(std::vector<EventRecord> events, Done done = {});

    /// The newest that match, newest first; sees every append before it.
    void read_events(EventQuery query, std::function<void(Result<std::vector<EventRecord>>)> done);

    /// When everything that was called before is on the disk (or was refused). Shares the
    /// transaction of what waits with it, and its failure.
    void flush(Done done);

    /// Encrypts everything with a new random key and replaces the key's file; safe against kill -9
    /// at any moment. failed_precondition: KEY_NOT_OURS for a key in systemd's credentials
    /// directory.
    void rotate_key(Done done);

    /// Carries out what was called before, calls every `done`, and ends the thread. What is called
    /// afterwards gets unavailable / STORE_CLOSED at once, on the caller's thread.
    void close();

  private:
    class Impl;
    explicit Store(std::unique_ptr<Impl> impl);

    std::unique_ptr<Impl> impl_;
};

} // namespace vbmc::store
