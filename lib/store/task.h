#pragma once
// What the store thread does: one object a call, made on the caller's thread, carried out and
// finished on the store thread. Each knows how much of the queue it takes.

#include "store/database.h"
#include "store/store.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vbmc::store {

class Task {
  public:
    explicit Task(Done done) : done_(std::move(done)) {}

    Task(const Task&) = delete;
    Task& operator=(const Task&) = delete;
    virtual ~Task() = default;

    virtual std::string_view name() const noexcept = 0;

    /// About how much memory it holds while it waits.
    virtual std::size_t bytes() const noexcept = 0;

    /// Inside a savepoint, unless it is alone().
    virtual Result<void> run(Database& database) = 0;

    virtual bool writes() const noexcept { return true; }

    /// Needs a transaction of its own.
    virtual bool alone() const noexcept { return false; }

    /// Nobody waits for it: it may be gathered with what comes.
    virtual bool lazy() const noexcept { return false; }

    /// Once, with what came of it.
    virtual void finish(Result<void> outcome) {
        if (done_) {
            done_(std::move(outcome));
        }
    }

  protected:
    bool has_done() const noexcept { return static_cast<bool>(done_); }

  private:
    Done done_;
};

inline std::size_t bytes_of(const std::vector<SectionBlob>& sections) noexcept {
    std::size_t n = 0;
    for (const SectionBlob& section : sections) {
        n += sizeof(section) + section.bytes.size();
    }
    return n;
}

class PutNode final : public Task {
  public:
    PutNode(NodeRecord record, std::vector<SectionBlob> sections, Done done)
        : Task(std::move(done)), record_(std::move(record)), sections_(std::move(sections)) {}

    std::string_view name() const noexcept override { return "put_node"; }

    std::size_t bytes() const noexcept override {
        std::size_t n = sizeof(*this) + record_.spec.size() + bytes_of(sections_);
        for (const auto& [key, value] : record_.secrets) {
            n += 128 + key.size() + value.size();
        }
        return n;
    }

    Result<void> run(Database& database) override { return database.put_node(record_, sections_); }

  private:
    NodeRecord record_;
    std::vector<SectionBlob> sections_;
};

class RemoveNode final : public Task {
  public:
    RemoveNode(std::string uid, Done done) : Task(std::move(done)), uid_(std::move(uid)) {}

    std::string_view name() const noexcept override { return "remove_node"; }

    std::size_t bytes() const noexcept override { return sizeof(*this); }

    Result<void> run(Database& database) override { return database.remove_node(uid_); }

  private:
    std::string uid_;
};

class PutSections final : public Task {
  public:
    PutSections(std::string uid, std::vector<SectionBlob> sections, Done done)
        : Task(std::move(done)), uid_(std::move(uid)), sections_(std::move(sections)) {}

    std::string_view name() const noexcept override { return "put_sections"; }

    std::size_t bytes() const noexcept override { return sizeof(*this) + bytes_of(sections_); }

    Result<void> run(Database& database) override { return database.put_sections(uid_, sections_); }

  private:
    std::string uid_;
    std::vector<SectionBlob> sections_;
};

class PutSource final : public Task {
  public:
    PutSource(SourceRecord record, Done done) : Task(std::move(done)), record_(std::move(record)) {}

    std::string_view name() const noexcept override { return "put_source"; }

    std::size_t bytes() const noexcept override {
        std::size_t n = sizeof(*this) + record_.spec.size();
        for (const auto& [key, value] : record_.secrets) {
            n += 128 + key.size() + value.size();
        }
        return n;
    }

    Result<void> run(Database& database) override { return database.put_source(record_); }

  private:
    SourceRecord record_;
};

class RemoveSource final : public Task {
  public:
    RemoveSource(std::string source, Done done)
        : Task(std::move(done)), source_(std::move(source)) {}

    std::string_view name() const noexcept override { return "remove_source"; }

    std::size_t bytes() const noexcept override { return sizeof(*this) + source_.size(); }

    Result<void> run(Database& database) override { return database.remove_source(source_); }

  private:
    std::string source_;
};

class AppendEvents final : public Task {
  public:
    AppendEvents(std::vector<EventRecord> events, Done done)
        : Task(std::move(done)), events_(std::move(events)) {}

    std::string_view name() const noexcept override { return "append_events"; }

    std::size_t bytes() const noexcept override {
        std::size_t n = sizeof(*this);
        for (const EventRecord& event : events_) {
            n += sizeof(event) + event.message.size() + event.fields.size();
        }
        return n;
    }

    Result<void> run(Database& database) override { return database.append_events(events_); }

    bool lazy() const noexcept override { return !has_done(); }

  private:
    std::vector<EventRecord> events_;
};

class Flush final : public Task {
  public:
    using Task::Task;

    std::string_view name() const noexcept override { return "flush"; }

    std::size_t bytes() const noexcept override { return sizeof(*this); }

    bool writes() const noexcept override { return false; }

    Result<void> run(Database&) override { return {}; }
};

class RotateKey final : public Task {
  public:
    using Task::Task;

    std::string_view name() const noexcept override { return "rotate_key"; }

    std::size_t bytes() const noexcept override { return sizeof(*this); }

    bool alone() const noexcept override { return true; }

    Result<void> run(Database& database) override { return database.rotate_key(); }
};

/// A read: hands over what `read(database)` gave, or why it could not.
template <class T, class Read>
class ReadTask final : public Task {
  public:
    ReadTask(Read read, std::function<void(Result<T>)> take)
        : Task({}), read_(std::move(read)), take_(std::move(take)) {}

    std::string_view name() const noexcept override { return "read"; }

    std::size_t bytes() const noexcept override { return sizeof(*this); }

    bool writes() const noexcept override { return false; }

    Result<void> run(Database& database) override {
        Result<T> result = read_(database);
        if (!result) {
            return result.error();
        }
        value_ = std::move(*result);
        return {};
    }

    void finish(Result<void> outcome) override {
        take_(outcome && value_ ? Result<T>(std::move(*value_)) : Result<T>(failure(outcome)));
    }

  private:
    static Error failure(const Result<void>& outcome) {
        return outcome ? Error(ErrorCode::internal, "the read was not carried out")
                       : outcome.error();
    }

    Read read_;
    std::function<void(Result<T>)> take_;
    std::optional<T> value_;
};

} // namespace vbmc::store
