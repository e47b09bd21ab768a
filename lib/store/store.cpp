#include "store/store.h"

#include "base/blocked_signals.h"
#include "base/check.h"
#include "base/log.h"
#include "store/database.h"
#include "store/files.h"
#include "store/task.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <pthread.h>
#include <system_error>
#include <thread>

namespace vbmc::store {

namespace asio = boost::asio;

namespace {

constexpr auto lazy_for = std::chrono::milliseconds(250);

Error closed() {
    return Error(ErrorCode::unavailable, "STORE_CLOSED", "vbmcd is stopping");
}

Error busy() {
    return Error(
               ErrorCode::resource_exhausted,
               "STORE_BUSY",
               "too many changes wait to be written to the disk"
    )
        .with_hint("try again in a moment; is the disk slow?");
}

Error injected(std::string_view name) {
    return Error(
        ErrorCode::unavailable, "FAULT_INJECTED", "a test made " + std::string(name) + " fail"
    );
}

} // namespace

/// The thread and its queue. What has a trailing comment "store thread" is touched nowhere else.
class Store::Impl {
  public:
    Impl(StoreConfig config, std::vector<File> locks, std::unique_ptr<Database> database)
        : config_(std::move(config)), locks_(std::move(locks)), database_(std::move(database)),
          work_(context_.get_executor()), lazy_timer_(context_) {}

    void start() {
        const BlockedSignals quiet;
        thread_ = std::thread([this] {
            ::pthread_setname_np(::pthread_self(), "store");
            context_.run();
        });
    }

    void submit(std::unique_ptr<Task> task);
    void close();

  private:
    using Group = std::vector<std::unique_ptr<Task>>;

    struct Waiting {
        std::unique_ptr<Task> task;
        std::size_t bytes;
        bool refused;
    };

    void enqueue(Waiting waiting);
    void schedule();
    void carry_out();
    std::vector<Result<void>> write_group(std::span<Waiting> group);
    Result<void> run_one(Task& task);
    Result<void> run_marked(Task& task);

    bool made_to_fail(std::string_view name) {
        return config_.fail_write && config_.fail_write(name);
    }

    StoreConfig config_;
    std::vector<File> locks_;
    std::unique_ptr<Database> database_; // store thread
    std::vector<Waiting> waiting_;       // store thread
    bool scheduled_ = false;             // store thread
    bool lazy_scheduled_ = false;        // store thread
    std::atomic<std::size_t> queued_bytes_ = 0;
    std::atomic<bool> closed_ = false;

    asio::io_context context_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    asio::steady_timer lazy_timer_; // store thread
    std::thread thread_;
};

void Store::Impl::submit(std::unique_ptr<Task> task) {
    if (closed_) {
        task->finish(closed());
        return;
    }
    const std::size_t bytes = task->bytes();
    const bool refused = queued_bytes_.fetch_add(bytes) + bytes > config_.queue_bytes_max;
    Waiting waiting{std::move(task), bytes, refused};
    asio::post(context_, [this, entry = std::move(waiting)]() mutable {
        enqueue(std::move(entry));
    });
}

void Store::Impl::enqueue(Waiting waiting) {
    const bool lazy = waiting.task->lazy() && !waiting.refused;
    waiting_.push_back(std::move(waiting));
    if (!lazy) {
        schedule();
    } else if (!lazy_scheduled_) {
        lazy_scheduled_ = true;
        lazy_timer_.expires_after(lazy_for);
        lazy_timer_.async_wait([this](boost::system::error_code) {
            lazy_scheduled_ = false;
            carry_out();
        });
    }
}

/// Behind everything that is in the context's queue now: all of that joins the same transaction.
void Store::Impl::schedule() {
    if (!scheduled_) {
        scheduled_ = true;
        asio::post(context_, [this] {
            scheduled_ = false;
            carry_out();
        });
    }
}

void Store::Impl::carry_out() {
    std::vector<Waiting> all;
    all.swap(waiting_);
    if (!database_) { // called while close() was: too late, but not forgotten
        for (const Waiting& waiting : all) {
            waiting.task->finish(closed());
        }
        return;
    }
    for (std::size_t first = 0; first < all.size();) {
        std::size_t last = first + 1; // a group: up to the next task that needs its own transaction
        while (!all[first].task->alone() && last < all.size() && !all[last].task->alone()) {
            ++last;
        }
        const auto group = std::span(all).subspan(first, last - first);
        std::vector<Result<void>> outcomes = write_group(group);
        for (std::size_t i = 0; i < group.size(); ++i) {
            const std::unique_ptr<Task> task = std::move(group[i].task);
            queued_bytes_ -= group[i].bytes;
            task->finish(std::move(outcomes[i]));
        }
        first = last;
    }
}

/// One transaction. `fatal` is what broke it as a whole.
std::vector<Result<void>> Store::Impl::write_group(std::span<Waiting> group) {
    std::vector<Result<void>> outcomes;
    outcomes.reserve(group.size());
    if (group.front().task->alone()) {
        outcomes.push_back(group.front().refused ? busy() : run_one(*group.front().task));
        return outcomes;
    }
    bool writes = false;
    Result<void> fatal = database_->begin();
    for (const Waiting& waiting : group) {
        if (waiting.refused) {
            outcomes.emplace_back(busy());
            continue;
        }
        outcomes.push_back(fatal ? run_marked(*waiting.task) : fatal);
        writes = writes || waiting.task->writes();
        if (fatal && !database_->in_transaction()) { // SQLite gave up: all before is gone as well
            fatal = outcomes.back();
        }
    }
    if (fatal && writes && made_to_fail("commit")) {
        fatal = injected("commit");
    } else if (fatal) {
        fatal = database_->commit();
    }
    if (!fatal) {
        database_->rollback();
        log(Level::error,
            "store.commit_failed",
            {{"writes", static_cast<long long>(group.size())}, {"error", describe(fatal.error())}});
        for (Result<void>& outcome : outcomes) {
            outcome = outcome ? fatal : outcome;
        }
    }
    return outcomes;
}

Result<void> Store::Impl::run_one(Task& task) {
    if (task.writes() && made_to_fail(task.name())) {
        return injected(task.name());
    }
    return task.run(*database_);
}

Result<void> Store::Impl::run_marked(Task& task) {
    if (auto marked = database_->mark(); !marked) {
        return marked;
    }
    Result<void> outcome = run_one(task);
    if (outcome) {
        outcome = database_->keep();
    }
    if (!outcome) {
        database_->take_back();
    }
    return outcome;
}

void Store::Impl::close() {
    if (closed_.exchange(true)) {
        return;
    }
    asio::post(context_, [this] {
        lazy_timer_.cancel();
        carry_out();
        database_.reset(); // the last connection: moves the log into the database
        work_.reset();
    });
    thread_.join();
}

StoreConfig default_config(std::string state_dir) {
    StoreConfig config;
    config.state_dir = std::move(state_dir);
    if (const char* const credentials = std::getenv("CREDENTIALS_DIRECTORY")) {
        config.credentials_directory = credentials;
    }
    return config;
}

Store::Store(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Store::~Store() {
    close();
}

Result<std::unique_ptr<Store>> Store::open(StoreConfig config) {
    if (auto prepared = prepare_directory(config.state_dir); !prepared) {
        return prepared.error();
    }
    std::vector<File> locks;
    auto lock = lock_directory(config.state_dir);
    if (!lock) {
        return lock.error();
    }
    locks.push_back(std::move(*lock));
    if (!config.database_file.empty()) {
        const std::string directory =
            std::filesystem::path(config.database_file).parent_path().string();
        std::error_code
            ignored; // a directory that is not there is reported when the file is opened
        if (!std::filesystem::equivalent(directory, config.state_dir, ignored) && !ignored) {
            auto second = lock_directory(directory);
            if (!second) {
                return second.error();
            }
            locks.push_back(std::move(*second));
        }
    }
    auto opened = open_database(config, migrations());
    if (!opened) {
        return opened.error();
    }
    auto database = Database::create(std::move(*opened), config.events_max);
    if (!database) {
        return database.error();
    }
    log(Level::info,
        "store.opened",
        {{"database", (*database)->path()}, {"fresh", (*database)->fresh() ? "yes" : "no"}});
    auto impl = std::make_unique<Impl>(std::move(config), std::move(locks), std::move(*database));
    impl->start();
    return std::unique_ptr<Store>(new Store(std::move(impl)));
}

Result<Snapshot> Store::load_all() {
    std::promise<Result<Snapshot>> promise;
    auto future = promise.get_future();
    auto read = [](Database& database) { return database.load_all(); };
    auto take = [&promise](Result<Snapshot> snapshot) { promise.set_value(std::move(snapshot)); };
    impl_->submit(std::make_unique<ReadTask<Snapshot, decltype(read)>>(read, take));
    return future.get();
}

Result<std::vector<StoredSource>> Store::load_sources() {
    using Sources = std::vector<StoredSource>;
    std::promise<Result<Sources>> promise;
    auto future = promise.get_future();
    auto read = [](Database& database) { return database.load_sources(); };
    auto take = [&promise](Result<Sources> sources) { promise.set_value(std::move(sources)); };
    impl_->submit(std::make_unique<ReadTask<Sources, decltype(read)>>(read, take));
    return future.get();
}

void Store::put_node(NodeRecord record, std::vector<SectionBlob> sections, Done done) {
    impl_->submit(std::make_unique<PutNode>(std::move(record), std::move(sections), std::move(done))
    );
}

void Store::remove_node(std::string uid, Done done) {
    impl_->submit(std::make_unique<RemoveNode>(std::move(uid), std::move(done)));
}

void Store::put_sections(std::string uid, std::vector<SectionBlob> sections, Done done) {
    impl_->submit(
        std::make_unique<PutSections>(std::move(uid), std::move(sections), std::move(done))
    );
}

void Store::put_source(SourceRecord record, Done done) {
    impl_->submit(std::make_unique<PutSource>(std::move(record), std::move(done)));
}

void Store::remove_source(std::string name, Done done) {
    impl_->submit(std::make_unique<RemoveSource>(std::move(name), std::move(done)));
}

void Store::append_events(std::vector<EventRecord> events, Done done) {
    impl_->submit(std::make_unique<AppendEvents>(std::move(events), std::move(done)));
}

void Store::read_events(
    EventQuery query, std::function<void(Result<std::vector<EventRecord>>)> done
) {
    auto read = [query = std::move(query)](Database& database) {
        return database.read_events(query);
    };
    using Read = ReadTask<std::vector<EventRecord>, decltype(read)>;
    impl_->submit(std::make_unique<Read>(std::move(read), std::move(done)));
}

void Store::flush(Done done) {
    impl_->submit(std::make_unique<Flush>(std::move(done)));
}

void Store::rotate_key(Done done) {
    impl_->submit(std::make_unique<RotateKey>(std::move(done)));
}

void Store::close() {
    impl_->close();
}

} // namespace vbmc::store
