#include "unit/store/store_support.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

using namespace vbmc;
using namespace vbmc::store;

TEST_CASE("nodes and their sections come back as they were") {
    const TempDir dir;
    {
        auto store = must_open(dir.config());
        NodeRecord first = node(1);
        first.secrets.emplace("metal/token", Secret("t0ken"));
        REQUIRE(put(*store, std::move(first), sections("one")));
        NodeRecord plain = node(2);
        plain.secrets.clear();
        plain.address = "::1";
        REQUIRE(put(*store, std::move(plain)));
        REQUIRE(put_sections(*store, "uid-2", sections("two")));
        std::vector<SectionBlob> empty;
        empty.push_back(section(8, ""));
        REQUIRE(put_sections(*store, "uid-2", std::move(empty)));
    }
    auto store = must_open(dir.config());
    const Snapshot all = must_load(*store);
    CHECK_FALSE(all.fresh_database);
    REQUIRE(all.nodes.size() == 2);

    const NodeRecord wanted = node(1);
    const NodeRecord& found = all.nodes[0].record;
    CHECK_FALSE(all.nodes[0].damage);
    CHECK(found.uid == wanted.uid);
    CHECK(found.name == wanted.name);
    CHECK(found.etag == wanted.etag);
    CHECK(found.enabled == wanted.enabled);
    CHECK(found.address == wanted.address);
    CHECK(found.port == wanted.port);
    CHECK(found.spec == wanted.spec);
    CHECK(found.created == wanted.created);
    CHECK(found.updated == wanted.updated);
    REQUIRE(found.secrets.size() == 2);
    CHECK(found.secrets.at("main/password").reveal() == "backend-secret-1");
    CHECK(found.secrets.at("metal/token").reveal() == "t0ken");
    REQUIRE(all.nodes[0].sections.size() == 2);
    CHECK(text(all.nodes[0].sections[0]) == "users-one");
    CHECK(text(all.nodes[0].sections[1]) == "sel-one");

    CHECK(all.nodes[1].record.secrets.empty());
    CHECK(all.nodes[1].record.address == "::1");
    REQUIRE(all.nodes[1].sections.size() == 3);
    CHECK(all.nodes[1].sections[2].number == 8);
    CHECK(all.nodes[1].sections[2].bytes.empty());
}

TEST_CASE("a second put replaces the record, keeps what is not given and the time of creation") {
    const TempDir dir;
    auto store = must_open(dir.config());
    CHECK(must_load(*store).fresh_database);
    REQUIRE(put(*store, node(1), sections("one")));
    NodeRecord changed = node(1, "2");
    changed.name = "renamed";
    changed.port = 7;
    changed.secrets.clear();
    changed.created = Wall(std::chrono::milliseconds(5));
    changed.updated = Wall(std::chrono::milliseconds(6));
    REQUIRE(put(*store, std::move(changed)));

    const Snapshot all = must_load(*store);
    REQUIRE(all.nodes.size() == 1);
    const NodeRecord& found = all.nodes[0].record;
    CHECK(found.name == "renamed");
    CHECK(found.etag == "2");
    CHECK(found.port == 7);
    CHECK(found.secrets.empty());
    CHECK(found.created == node(1).created);
    CHECK(found.updated == Wall(std::chrono::milliseconds(6)));
    CHECK(all.nodes[0].sections.size() == 2);
}

TEST_CASE("a name and an endpoint belong to one node, and the error names the owner") {
    const TempDir dir;
    auto store = must_open(dir.config());
    REQUIRE(put(*store, node(1)));

    NodeRecord same_name = node(2);
    same_name.name = "node1";
    const auto name_taken = put(*store, std::move(same_name), sections("x"));
    REQUIRE_FALSE(name_taken);
    CHECK(name_taken.error().code == ErrorCode::already_exists);
    CHECK(name_taken.error().reason == "NODE_EXISTS");
    CHECK(name_taken.error().field == "name");

    NodeRecord same_endpoint = node(2);
    same_endpoint.port = node(1).port;
    const auto port_taken = put(*store, std::move(same_endpoint), sections("x"));
    REQUIRE_FALSE(port_taken);
    CHECK(port_taken.error().code == ErrorCode::already_exists);
    CHECK(port_taken.error().reason == "ENDPOINT_IN_USE");
    CHECK(port_taken.error().message.find("node1") != std::string::npos);
    CHECK_FALSE(port_taken.error().hint.empty());

    NodeRecord other_address = node(2);
    other_address.port = node(1).port;
    other_address.address = "127.0.0.2";
    CHECK(put(*store, std::move(other_address)));
    CHECK(must_load(*store).nodes.size() == 2);
}

TEST_CASE("removing a node removes all of it and frees its name and endpoint") {
    const TempDir dir;
    auto store = must_open(dir.config());
    REQUIRE(put(*store, node(1), sections("one")));
    REQUIRE(remove(*store, "uid-1"));
    const auto again = remove(*store, "uid-1");
    REQUIRE_FALSE(again);
    CHECK(again.error().code == ErrorCode::not_found);
    const auto late = put_sections(*store, "uid-1", sections("late"));
    REQUIRE_FALSE(late);
    CHECK(late.error().reason == "NODE_NOT_FOUND");

    NodeRecord next = node(2);
    next.name = "node1";
    next.port = node(1).port;
    REQUIRE(put(*store, std::move(next)));
    const Snapshot all = must_load(*store);
    REQUIRE(all.nodes.size() == 1);
    CHECK(all.nodes[0].sections.empty());
}

TEST_CASE("thousands of concurrent creates share few transactions, and only wrong ones fail") {
    const TempDir dir;
    std::atomic<int> commits = 0;
    StoreConfig config = dir.config();
    config.fail_write = [&commits](std::string_view name) {
        commits += name == "commit" ? 1 : 0;
        return false;
    };
    auto store = must_open(config);
    constexpr unsigned count = 10'000;
    std::atomic<unsigned> good = 0;
    std::atomic<unsigned> refused = 0;
    for (unsigned i = 0; i < count; ++i) {
        NodeRecord record = node(i);
        if (i % 100 == 99) {
            record.name = "node0"; // taken
        }
        store->put_node(std::move(record), sections("x"), [&](Result<void> outcome) {
            ++(outcome ? good : refused);
        });
    }
    REQUIRE(wait([&](Done done) { store->flush(std::move(done)); }));
    CHECK(good == count - count / 100);
    CHECK(refused == count / 100);
    CHECK(commits < 500);
    CHECK(must_load(*store).nodes.size() == good);
}

TEST_CASE("writes take effect in the order of the calls, and done comes from the store's thread") {
    const TempDir dir;
    auto store = must_open(dir.config());
    const auto here = std::this_thread::get_id();
    std::atomic<bool> on_another_thread = true;
    std::vector<int> order; // touched on the store's thread, read after flush
    for (int i = 1; i <= 200; ++i) {
        store->put_node(node(1, std::to_string(i)), {}, [&, i](Result<void> outcome) {
            order.push_back(outcome ? i : -1);
            on_another_thread = on_another_thread && std::this_thread::get_id() != here;
        });
    }
    REQUIRE(wait([&](Done done) { store->flush(std::move(done)); }));
    CHECK(on_another_thread);
    CHECK(order.size() == 200);
    CHECK(std::is_sorted(order.begin(), order.end()));
    CHECK(must_load(*store).nodes.at(0).record.etag == "200");
}

TEST_CASE("beyond the queue's bound a write is refused, and later ones go on") {
    const TempDir dir;
    StoreConfig config = dir.config();
    config.queue_bytes_max = 20'000;
    auto store = must_open(config);
    NodeRecord big = node(1);
    big.spec = std::string(30'000, 'x');
    const auto refused = put(*store, std::move(big));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::resource_exhausted);
    CHECK(refused.error().reason == "STORE_BUSY");
    CHECK(put(*store, node(2)));
    CHECK(must_load(*store).nodes.size() == 1);
}

TEST_CASE("close carries out what waits, calls every done, and refuses afterwards") {
    const TempDir dir;
    auto store = must_open(dir.config());
    std::atomic<int> done_count = 0;
    for (unsigned i = 0; i < 500; ++i) {
        store->put_node(node(i), {}, [&](Result<void> outcome) { done_count += outcome ? 1 : 0; });
    }
    std::vector<EventRecord> lazy(3);
    store->append_events(std::move(lazy));
    store->close();
    CHECK(done_count == 500);
    const auto late = put(*store, node(1'000));
    REQUIRE_FALSE(late);
    CHECK(late.error().reason == "STORE_CLOSED");
    CHECK_FALSE(store->load_all());
    store.reset();

    auto again = must_open(dir.config());
    CHECK(must_load(*again).nodes.size() == 500);
    CHECK(events(*again, {}).size() == 3);
}

TEST_CASE("events come back newest first, a node's own, and page by page") {
    const TempDir dir;
    auto store = must_open(dir.config());
    std::vector<EventRecord> batch;
    for (unsigned i = 0; i < 10; ++i) {
        EventRecord event;
        event.when = Wall(std::chrono::milliseconds(1'000 + i));
        event.kind = "power";
        event.node = i % 2 == 0 ? "even" : "odd";
        event.who = "admin@192.0.2.7";
        event.message = "event " + std::to_string(i);
        event.fields = R"({"to":"on"})";
        batch.push_back(std::move(event));
    }
    store->append_events(std::move(batch));
    EventQuery query;
    query.max = 3;
    const auto newest = events(*store, query);
    REQUIRE(newest.size() == 3);
    CHECK(newest[0].message == "event 9");
    CHECK(newest[0].sequence == 10);
    CHECK(newest[0].when == Wall(std::chrono::milliseconds(1'009)));
    CHECK(newest[0].who == "admin@192.0.2.7");
    CHECK(newest[0].fields == R"({"to":"on"})");
    query.before = newest.back().sequence;
    CHECK(events(*store, query).at(0).message == "event 6");
    query.before = 0;
    query.max = 100;
    query.node = "even";
    const auto even = events(*store, query);
    REQUIRE(even.size() == 5);
    CHECK(even[0].message == "event 8");
    CHECK(must_load(*store).last_event == 10);
}

TEST_CASE("events with their own sequence keep it, and the next one follows") {
    const TempDir dir;
    auto store = must_open(dir.config());
    std::vector<EventRecord> batch(2);
    batch[0].sequence = 41;
    store->append_events(std::move(batch));
    const auto all = events(*store, {});
    REQUIRE(all.size() == 2);
    CHECK(all[0].sequence == 42);
    CHECK(all[1].sequence == 41);
    std::vector<EventRecord> impossible(1);
    impossible[0].sequence = ~u64{0};
    CHECK_FALSE(wait([&](Done done) {
        store->append_events(std::move(impossible), std::move(done));
    }));
}

TEST_CASE("a write that fails halfway leaves nothing behind, and its neighbours stay") {
    const TempDir dir;
    auto store = must_open(dir.config());
    std::vector<EventRecord> half_good(2);
    half_good[1].sequence = ~u64{0};
    store->append_events(std::vector<EventRecord>(1));
    store->append_events(std::move(half_good));
    store->append_events(std::vector<EventRecord>(1));
    CHECK(events(*store, {}).size() == 2);
}

TEST_CASE("the audit is a ring") {
    const TempDir dir;
    StoreConfig config = dir.config();
    config.events_max = 320;
    auto store = must_open(config);
    for (int i = 0; i < 100; ++i) {
        store->append_events(std::vector<EventRecord>(10));
    }
    EventQuery everything;
    everything.max = 5'000;
    const auto kept = events(*store, everything);
    CHECK(kept.size() == 320);
    CHECK(kept.front().sequence == 1'000);
    store.reset();
    CHECK(std::filesystem::file_size(dir.file("vbmcd.db")) < 200'000);
}

TEST_CASE("lazy events are written without another call") {
    const TempDir dir;
    std::promise<void> committed;
    StoreConfig config = dir.config();
    config.fail_write = [&committed](std::string_view name) {
        if (name == "commit") { // a second one would throw, and end the test
            committed.set_value();
        }
        return false;
    };
    auto store = must_open(config);
    store->append_events(std::vector<EventRecord>(1));
    CHECK(committed.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready);
}
