#pragma once
// The statements: one transaction at a time on the one connection, every record in and out. Owned
// by the Store, used on the store thread only. What SQLite throws ends here as an Error.

#include "store/open_database.h"
#include "store/records.h"

#include <SQLiteCpp/SQLiteCpp.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace vbmc::store {

class Database {
  public:
    /// Prepares every statement; fails (corrupt) when the tables are not ours.
    static Result<std::unique_ptr<Database>> create(OpenDatabase opened, std::size_t events_max);

    bool fresh() const noexcept { return opened_.fresh; }

    const std::string& path() const noexcept { return opened_.path; }

    // One transaction, with a savepoint for each write in it.
    Result<void> begin();
    Result<void> commit();
    void rollback() noexcept;
    Result<void> mark();                  // sets the savepoint
    Result<void> keep();                  // what came after it
    void take_back() noexcept;            // what came after it
    bool in_transaction() const noexcept; // false when SQLite itself rolled back (full disk)

    // Inside a transaction.
    Result<void> put_node(const NodeRecord& record, std::span<const SectionBlob> sections);
    Result<void> remove_node(const std::string& uid);
    Result<void> put_sections(const std::string& uid, std::span<const SectionBlob> sections);
    Result<void> put_source(const SourceRecord& record);
    Result<void> remove_source(const std::string& name);
    Result<void> append_events(std::span<const EventRecord> events);

    Result<std::vector<EventRecord>> read_events(const EventQuery& query);
    Result<Snapshot> load_all();
    Result<std::vector<StoredSource>> load_sources();

    /// With a transaction of its own.
    Result<void> rotate_key();

  private:
    Database(OpenDatabase opened, std::size_t events_max);

    template <class Work>
    auto guard(Work&& work) noexcept -> decltype(work());

    std::optional<i64> find_node(const std::string& uid);
    Error explain_conflict(const NodeRecord& record, const SQLite::Exception& exception);
    Result<void> write_node(const NodeRecord& record);
    Result<void> write_section(i64 node, const std::string& uid, const SectionBlob& section);
    void prune_events();
    StoredNode read_node(SQLite::Statement& row);
    Result<void> write_source(const SourceRecord& record);
    std::vector<StoredSource> read_sources();
    void read_section(SQLite::Statement& row, StoredNode& node);

    struct NextKey {
        Secret key;
        bool kept = false; // from an earlier rotation
    };

    Result<NextKey> next_key(const std::string& path);
    Result<void> encrypt_again(SealedBox& next);
    /// `place`: where the box of a row belongs, by the text in the row's second column.
    Result<void> encrypt_again(
        SealedBox& next,
        const char* query,
        const char* update,
        std::string (*place)(const std::string& owner)
    );

    OpenDatabase opened_;
    SQLite::Database& sql_;
    std::size_t events_max_;
    std::size_t events_since_prune_ = 0;

    SQLite::Statement begin_;
    SQLite::Statement commit_;
    SQLite::Statement mark_;
    SQLite::Statement keep_;
    SQLite::Statement find_node_;
    SQLite::Statement put_node_;
    SQLite::Statement remove_node_;
    SQLite::Statement put_section_;
    SQLite::Statement put_event_;
};

} // namespace vbmc::store
