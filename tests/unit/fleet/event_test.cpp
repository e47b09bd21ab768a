#include "fleet/event.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using fleet::Event;
using fleet::EventHub;

namespace {

Event event(const std::string& node) {
    Event e;
    e.node = node;
    return e;
}

} // namespace

TEST_CASE("a subscriber gets what happens after it came, in order", "[event]") {
    EventHub hub;
    hub.publish(event("before"));
    int woken = 0;
    auto subscription = hub.subscribe(10, [&] { ++woken; });
    hub.publish(event("a"));
    hub.publish(event("b"));
    CHECK(woken == 1); // once, until it is read
    const auto events = subscription->take();
    REQUIRE(events.size() == 2);
    CHECK(events[0].node == "a");
    CHECK(events[1].node == "b");
    CHECK(events[1].sequence == events[0].sequence + 1);
    CHECK(subscription->take().empty());
    hub.publish(event("c"));
    CHECK(woken == 2);
}

TEST_CASE("a slow subscriber gets one resync, and then goes on", "[event]") {
    EventHub hub;
    int woken = 0;
    auto slow = hub.subscribe(3, [&] { ++woken; });
    auto quick = hub.subscribe(100, nullptr);
    for (int i = 0; i < 10; ++i) {
        hub.publish(event(std::to_string(i)));
    }
    CHECK(woken == 1);
    auto events = slow->take();
    REQUIRE(events.size() == 1);
    CHECK(events[0].kind == Event::Kind::resync);
    CHECK(quick->take().size() == 10);
    hub.publish(event("after"));
    CHECK(woken == 2);
    const u64 covered = events[0].sequence;
    events = slow->take();
    REQUIRE(events.size() == 1);
    CHECK(events[0].node == "after");
    CHECK(events[0].sequence == covered + 1); // the resync stood for all up to there
}

TEST_CASE("unsubscribing ends it, also from within a wake", "[event]") {
    EventHub hub;
    int woken = 0;
    std::unique_ptr<EventHub::Subscription> self;
    self = hub.subscribe(3, [&] {
        ++woken;
        self.reset();
    });
    auto other = hub.subscribe(3, [&] { ++woken; });
    hub.publish(event("a"));
    hub.publish(event("b"));
    CHECK(woken == 2);
    CHECK(other->take().size() == 2);
}

TEST_CASE("a subscription may outlive the hub", "[event]") {
    auto hub = std::make_unique<EventHub>();
    auto subscription = hub->subscribe(3, nullptr);
    hub->publish(event("a"));
    hub.reset();
    CHECK(subscription->take().size() == 1);
}

TEST_CASE("the newest events are kept", "[event]") {
    EventHub hub;
    hub.start_after(41);
    for (int i = 0; i < 2000; ++i) {
        hub.publish(event(std::to_string(i)));
    }
    const auto recent = hub.recent(2);
    REQUIRE(recent.size() == 2);
    CHECK(recent[1].node == "1999");
    CHECK(recent[1].sequence == 2041);
    CHECK(hub.recent(5000).size() == 1000);
    for (int kind = 0; kind <= static_cast<int>(Event::Kind::resync); ++kind) {
        CHECK_FALSE(to_string(static_cast<Event::Kind>(kind)).empty());
    }
}
