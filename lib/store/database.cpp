#include "store/database.h"

#include "base/entropy.h"
#include "store/bindings.h"
#include "store/files.h"
#include "store/secrets_codec.h"
#include "store/sqlite_error.h"

#include <algorithm>
#include <limits>
#include <sqlite3.h>
#include <utility>

namespace vbmc::store {

namespace {

// Where a box belongs: part of what is authenticated, so that rows cannot be exchanged.
std::string secrets_place(const std::string& uid) {
    return "secrets:" + uid;
}

std::string section_place(const std::string& uid, u8 number) {
    return "section:" + uid + ":" + std::to_string(number);
}

std::string users_place(const std::string& uid) {
    return section_place(uid, secret_section);
}

Error no_such_node() {
    return Error(ErrorCode::not_found, "NODE_NOT_FOUND", "the node does not exist (any more)");
}

Error damaged(const std::string& node, const std::string& what, const std::string& why) {
    return Error(
               ErrorCode::corrupt,
               "NODE_DAMAGED",
               "the " + what + " of node " + node + " cannot be trusted: " + why
    )
        .with_hint("remove the node and add it again, or restore the database from your backup");
}

} // namespace

template <class Work>
auto Database::guard(Work&& work) noexcept -> decltype(work()) {
    return guarded(&sql_, opened_.path, std::forward<Work>(work));
}

Database::Database(OpenDatabase opened, std::size_t events_max)
    : opened_(std::move(opened)), sql_(opened_.database), events_max_(events_max),
      begin_(sql_, "BEGIN IMMEDIATE"), commit_(sql_, "COMMIT"), mark_(sql_, "SAVEPOINT write"),
      keep_(sql_, "RELEASE write"), find_node_(sql_, "SELECT id FROM node WHERE uid = ?"),
      put_node_(
          sql_,
          "INSERT INTO node (uid, name, etag, enabled, address, port, spec, secrets, created, "
          "updated)"
          " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
          " ON CONFLICT (uid) DO UPDATE SET name = excluded.name, etag = excluded.etag,"
          " enabled = excluded.enabled, address = excluded.address, port = excluded.port,"
          " spec = excluded.spec, secrets = excluded.secrets, updated = excluded.updated"
      ),
      remove_node_(sql_, "DELETE FROM node WHERE uid = ?"),
      put_section_(
          sql_,
          "INSERT INTO section (node, number, bytes) VALUES (?, ?, ?)"
          " ON CONFLICT (node, number) DO UPDATE SET bytes = excluded.bytes"
      ),
      put_event_(
          sql_,
          "INSERT OR REPLACE INTO event (sequence, at, kind, node, who, message, fields)"
          " VALUES (?, ?, ?, ?, ?, ?, ?)"
      ) {}

Result<std::unique_ptr<Database>> Database::create(OpenDatabase opened, std::size_t events_max) {
    const std::string path = opened.path;
    auto created = guarded(nullptr, path, [&]() -> Result<std::unique_ptr<Database>> {
        return std::unique_ptr<Database>(new Database(std::move(opened), events_max));
    });
    if (!created) {
        return corrupt_database(path, created.error().message);
    }
    return created;
}

Result<void> Database::begin() {
    return guard([&]() -> Result<void> {
        const Use use(begin_);
        begin_.exec();
        return {};
    });
}

Result<void> Database::commit() {
    return guard([&]() -> Result<void> {
        const Use use(commit_);
        commit_.exec();
        return {};
    });
}

void Database::rollback() noexcept {
    if (in_transaction()) {
        sql_.tryExec("ROLLBACK");
    }
}

Result<void> Database::mark() {
    return guard([&]() -> Result<void> {
        const Use use(mark_);
        mark_.exec();
        return {};
    });
}

Result<void> Database::keep() {
    return guard([&]() -> Result<void> {
        const Use use(keep_);
        keep_.exec();
        return {};
    });
}

void Database::take_back() noexcept {
    if (in_transaction()) {
        sql_.tryExec("ROLLBACK TO write; RELEASE write");
    }
}

bool Database::in_transaction() const noexcept {
    return ::sqlite3_get_autocommit(sql_.getHandle()) == 0;
}

std::optional<i64> Database::find_node(const std::string& uid) {
    const Use use(find_node_);
    bind_text(find_node_, 1, uid);
    if (!find_node_.executeStep()) {
        return std::nullopt;
    }
    return find_node_.getColumn(0).getInt64();
}

Error Database::explain_conflict(const NodeRecord& record, const SQLite::Exception& exception) {
    SQLite::Statement by_name(sql_, "SELECT 1 FROM node WHERE name = ? AND uid <> ?");
    bind_text(by_name, 1, record.name);
    bind_text(by_name, 2, record.uid);
    if (by_name.executeStep()) {
        return Error(
                   ErrorCode::already_exists,
                   "NODE_EXISTS",
                   "there is a node named " + record.name + " already"
        )
            .with_field("name");
    }
    SQLite::Statement by_endpoint(
        sql_, "SELECT name FROM node WHERE address = ? AND port = ? AND uid <> ?"
    );
    bind_text(by_endpoint, 1, record.address);
    by_endpoint.bind(2, i32{record.port});
    bind_text(by_endpoint, 3, record.uid);
    if (by_endpoint.executeStep()) {
        Error error(
            ErrorCode::already_exists,
            "ENDPOINT_IN_USE",
            "address " + record.address + " port " + std::to_string(record.port) +
                " belongs to node " + by_endpoint.getColumn(0).getString()
        );
        return std::move(error).with_field("port").with_hint(
            "choose another port, or let vbmcd choose one"
        );
    }
    return sqlite_error(exception, &sql_, opened_.path);
}

Result<void> Database::write_node(const NodeRecord& record) {
    std::vector<u8> box;
    if (!record.secrets.empty()) {
        std::vector<u8> plain = encode_secrets(record.secrets);
        auto sealed = opened_.box.seal(plain, secrets_place(record.uid));
        wipe(plain);
        if (!sealed) {
            return sealed.error();
        }
        box = std::move(*sealed);
    }
    const Use use(put_node_);
    bind_text(put_node_, 1, record.uid);
    bind_text(put_node_, 2, record.name);
    bind_text(put_node_, 3, record.etag);
    put_node_.bind(4, i32{record.enabled ? 1 : 0});
    bind_text(put_node_, 5, record.address);
    put_node_.bind(6, i32{record.port});
    bind_text(put_node_, 7, record.spec);
    if (box.empty()) {
        put_node_.bind(8);
    } else {
        bind_bytes(put_node_, 8, box);
    }
    put_node_.bind(9, milliseconds(record.created));
    put_node_.bind(10, milliseconds(record.updated));
    try {
        put_node_.exec();
    } catch (const SQLite::Exception& exception) {
        if ((exception.getErrorCode() & 0xff) != SQLITE_CONSTRAINT) {
            throw;
        }
        return explain_conflict(record, exception);
    }
    return {};
}

Result<void> Database::write_section(i64 node, const std::string& uid, const SectionBlob& section) {
    std::vector<u8> box;
    if (section.number == secret_section) {
        auto sealed = opened_.box.seal(section.bytes, section_place(uid, section.number));
        if (!sealed) {
            return sealed.error();
        }
        box = std::move(*sealed);
    }
    const Use use(put_section_);
    put_section_.bind(1, node);
    put_section_.bind(2, i32{section.number});
    bind_bytes(
        put_section_, 3, section.number == secret_section ? Bytes(box) : Bytes(section.bytes)
    );
    put_section_.exec();
    return {};
}

Result<void> Database::put_sections(const std::string& uid, std::span<const SectionBlob> sections) {
    return guard([&]() -> Result<void> {
        const std::optional<i64> node = find_node(uid);
        if (!node) {
            return no_such_node();
        }
        for (const SectionBlob& section : sections) {
            if (auto written = write_section(*node, uid, section); !written) {
                return written;
            }
        }
        return {};
    });
}

Result<void> Database::put_node(const NodeRecord& record, std::span<const SectionBlob> sections) {
    if (record.uid.empty() || record.name.empty()) {
        return Error(ErrorCode::invalid_argument, "a node needs a uid and a name");
    }
    auto written = guard([&] { return write_node(record); });
    return written && !sections.empty() ? put_sections(record.uid, sections) : written;
}

Result<void> Database::remove_node(const std::string& uid) {
    return guard([&]() -> Result<void> {
        const Use use(remove_node_);
        bind_text(remove_node_, 1, uid);
        return remove_node_.exec() > 0 ? Result<void>() : no_such_node();
    });
}

Result<void> Database::append_events(std::span<const EventRecord> events) {
    return guard([&]() -> Result<void> {
        for (const EventRecord& event : events) {
            if (event.sequence > static_cast<u64>(std::numeric_limits<i64>::max())) {
                return Error(ErrorCode::invalid_argument, "the event's sequence is out of range");
            }
            const Use use(put_event_);
            if (event.sequence != 0) { // NULL: SQLite takes the greatest plus one
                put_event_.bind(1, static_cast<i64>(event.sequence));
            }
            put_event_.bind(2, milliseconds(event.when));
            bind_text(put_event_, 3, event.kind);
            bind_text(put_event_, 4, event.node);
            bind_text(put_event_, 5, event.who);
            bind_text(put_event_, 6, event.message);
            bind_text(put_event_, 7, event.fields);
            put_event_.exec();
        }
        events_since_prune_ += events.size();
        if (events_since_prune_ > events_max_ / 16) { // not after every append: it walks the table
            prune_events();
        }
        return {};
    });
}

void Database::prune_events() {
    SQLite::Statement prune(
        sql_,
        "DELETE FROM event WHERE sequence <="
        " (SELECT sequence FROM event ORDER BY sequence DESC LIMIT 1 OFFSET ?)"
    );
    prune.bind(1, static_cast<i64>(events_max_));
    prune.exec();
    events_since_prune_ = 0;
}

Result<std::vector<EventRecord>> Database::read_events(const EventQuery& query) {
    return guard([&]() -> Result<std::vector<EventRecord>> {
        SQLite::Statement row(
            sql_,
            "SELECT sequence, at, kind, node, who, message, fields FROM event"
            " WHERE sequence < ? AND (? = '' OR node = ?) ORDER BY sequence DESC LIMIT ?"
        );
        constexpr i64 newest = std::numeric_limits<i64>::max();
        const bool bounded = query.before != 0 && query.before < static_cast<u64>(newest);
        row.bind(1, bounded ? static_cast<i64>(query.before) : newest);
        bind_text(row, 2, query.node);
        bind_text(row, 3, query.node);
        row.bind(4, static_cast<i64>(std::min(query.max, events_max_)));
        std::vector<EventRecord> events;
        while (row.executeStep()) {
            EventRecord& event = events.emplace_back();
            event.sequence = static_cast<u64>(row.getColumn(0).getInt64());
            event.when = wall_of(row.getColumn(1).getInt64());
            event.kind = row.getColumn(2).getString();
            event.node = row.getColumn(3).getString();
            event.who = row.getColumn(4).getString();
            event.message = row.getColumn(5).getString();
            event.fields = row.getColumn(6).getString();
        }
        return events;
    });
}

StoredNode Database::read_node(SQLite::Statement& row) {
    StoredNode node;
    NodeRecord& record = node.record;
    record.uid = row.getColumn(1).getString();
    record.name = row.getColumn(2).getString();
    record.etag = row.getColumn(3).getString();
    record.enabled = row.getColumn(4).getInt() != 0;
    record.address = row.getColumn(5).getString();
    record.port = static_cast<u16>(row.getColumn(6).getInt());
    record.spec = row.getColumn(7).getString();
    record.created = wall_of(row.getColumn(9).getInt64());
    record.updated = wall_of(row.getColumn(10).getInt64());
    if (row.getColumn(8).isNull()) {
        return node;
    }
    auto plain = opened_.box.open(bytes_of(row.getColumn(8)), secrets_place(record.uid));
    if (!plain) {
        node.damage = damaged(record.name, "secrets", plain.error().message);
        return node;
    }
    auto secrets = decode_secrets(*plain);
    wipe(*plain);
    if (!secrets) {
        node.damage = damaged(record.name, "secrets", "they are not in the expected form");
        return node;
    }
    record.secrets = std::move(*secrets);
    return node;
}

void Database::read_section(SQLite::Statement& row, StoredNode& node) {
    const int number = row.getColumn(1).getInt();
    const Bytes bytes = bytes_of(row.getColumn(2));
    const u8 section = static_cast<u8>(number);
    if (number != section) {
        node.damage = damaged(node.record.name, "state", "it has an impossible section");
        return;
    }
    if (section != secret_section) {
        node.sections.emplace_back(section, std::vector<u8>(bytes.begin(), bytes.end()));
        return;
    }
    auto plain = opened_.box.open(bytes, section_place(node.record.uid, section));
    if (!plain) {
        node.damage = damaged(node.record.name, "users", plain.error().message);
        return;
    }
    node.sections.emplace_back(section, std::move(*plain));
}

Result<Snapshot> Database::load_all() {
    return guard([&]() -> Result<Snapshot> {
        Snapshot all;
        all.fresh_database = opened_.fresh;
        all.key_without_database = opened_.key_without_database;

        std::vector<std::pair<i64, std::size_t>> by_id; // node.id -> index in all.nodes
        SQLite::Statement nodes(
            sql_,
            "SELECT id, uid, name, etag, enabled, address, port, spec, secrets, created, updated"
            " FROM node ORDER BY name"
        );
        while (nodes.executeStep()) {
            by_id.emplace_back(nodes.getColumn(0).getInt64(), all.nodes.size());
            all.nodes.push_back(read_node(nodes));
        }
        std::sort(by_id.begin(), by_id.end());

        SQLite::Statement sections(
            sql_, "SELECT node, number, bytes FROM section ORDER BY node, number"
        );
        auto owner = by_id.begin();
        while (sections.executeStep()) {
            const i64 id = sections.getColumn(0).getInt64();
            owner = std::find_if(owner, by_id.end(), [&](const auto& entry) {
                return entry.first >= id;
            });
            if (owner == by_id.end() || owner->first != id) {
                return corrupt_database(
                    opened_.path, "it holds the state of a node that it does not hold"
                );
            }
            read_section(sections, all.nodes[owner->second]);
        }
        all.last_event = static_cast<u64>(
            sql_.execAndGet("SELECT coalesce(max(sequence), 0) FROM event").getInt64()
        );
        sql_.exec("PRAGMA shrink_memory"
        ); // from now on there are only writes: no page is read again
        return all;
    });
}

Result<Database::NextKey> Database::next_key(const std::string& path) {
    // One is there when an earlier rotation could not say how it ended: only that key is safe then.
    if (auto kept = read_key_file(opened_.key_source, path); kept) {
        return NextKey{std::move(*kept), true};
    }
    if (auto removed = remove_file(path); !removed) {
        return removed.error();
    }
    ByteArray<SealedBox::key_size> raw{};
    SystemEntropy().fill(raw);
    Secret key{Bytes(raw)};
    wipe(raw);
    if (auto created = create_private(path, key.reveal_bytes()); !created) {
        return created.error();
    }
    return NextKey{std::move(key), false};
}

Result<void> Database::encrypt_again(
    SealedBox& next,
    const char* query,
    const char* update,
    std::string (*place_of)(const std::string& owner)
) {
    SQLite::Statement row(sql_, query);
    SQLite::Statement put(sql_, update);
    while (row.executeStep()) {
        const std::string place = place_of(row.getColumn(1).getString());
        auto plain = opened_.box.open(bytes_of(row.getColumn(2)), place);
        if (!plain) { // it is lost under the old key too: it stays, and its node stays damaged
            continue;
        }
        const auto sealed = next.seal(*plain, place);
        wipe(*plain);
        if (!sealed) {
            return sealed.error();
        }
        const Use use(put);
        bind_bytes(put, 1, *sealed);
        put.bind(2, row.getColumn(0).getInt64());
        put.exec();
    }
    return {};
}

Result<void> Database::encrypt_again(SealedBox& next) {
    auto done = encrypt_again(
        next,
        "SELECT id, uid, secrets FROM node WHERE secrets IS NOT NULL",
        "UPDATE node SET secrets = ? WHERE id = ?",
        secrets_place
    );
    if (done) {
        done = encrypt_again(
            next,
            "SELECT node, (SELECT uid FROM node WHERE id = node), bytes FROM section WHERE number "
            "= 0",
            "UPDATE section SET bytes = ? WHERE node = ? AND number = 0",
            users_place
        );
    }
    if (done) {
        done = encrypt_again(
            next,
            "SELECT id, name, secrets FROM source WHERE secrets IS NOT NULL",
            "UPDATE source SET secrets = ? WHERE id = ?",
            source_secrets_place
        );
    }
    return done ? write_key_check(sql_, next) : done;
}

Result<void> Database::rotate_key() {
    const KeySource& source = opened_.key_source;
    if (source.kind == KeySource::Kind::credential) {
        return Error(
                   ErrorCode::failed_precondition,
                   "KEY_NOT_OURS",
                   "the key is a systemd credential, which vbmcd cannot replace"
        )
            .with_hint("copy it to a key file in the state directory and remove LoadCredential=");
    }
    const std::string next_path = next_key_path(source);
    auto chosen = next_key(next_path);
    if (!chosen) {
        return chosen.error();
    }
    const bool kept = chosen->kept;
    SealedBox next(std::move(chosen->key));
    auto done = begin();
    if (done) {
        done = guard([&] { return encrypt_again(next); });
    }
    if (!done) {
        rollback();
        const auto removed = kept ? Result<void>() : remove_file(next_path);
        return removed ? done : removed;
    }
    if (done = commit(); !done) {
        rollback(); // the next key's file stays: this failure does not say which key is on the disk
        return done;
    }
    opened_.box = std::move(next);
    return rename_durably(next_path, source.path); // if not: the next start finishes it
}

} // namespace vbmc::store
