#include "net/timer_queue.h"

#include <catch2/catch.hpp>

#include <memory>
#include <random>
#include <vector>

using namespace vbmc;
using net::Timer;
using net::TimerQueue;

namespace {

constexpr Mono at(int ms) {
    return Mono(std::chrono::milliseconds(ms));
}

struct Alarm {
    Alarm(TimerQueue& queue, std::vector<int>& fired_, int id_)
        : timer(
              queue, [](void* self) { static_cast<Alarm*>(self)->fire(); }, this
          ),
          fired(fired_), id(id_) {}

    void fire() {
        fired.push_back(id);
        if (again != never) {
            timer.arm(again);
        }
    }

    Timer timer;
    std::vector<int>& fired;
    int id;
    Mono again = never;
};

} // namespace

TEST_CASE("timers fire once, in the order of their deadlines", "[timer]") {
    TimerQueue queue;
    std::vector<int> fired;
    Alarm a(queue, fired, 1);
    Alarm b(queue, fired, 2);
    Alarm c(queue, fired, 3);
    a.timer.arm(at(30));
    b.timer.arm(at(10));
    c.timer.arm(at(20));
    CHECK(queue.next() == at(10));
    queue.run(at(9));
    CHECK(fired.empty());
    queue.run(at(20));
    CHECK(fired == std::vector{2, 3});
    CHECK_FALSE(b.timer.armed());
    queue.run(at(100));
    CHECK(fired == std::vector{2, 3, 1});
    CHECK(queue.next() == never);
}

TEST_CASE("a timer can be moved, cancelled and destroyed while armed", "[timer]") {
    TimerQueue queue;
    std::vector<int> fired;
    Alarm a(queue, fired, 1);
    auto b = std::make_unique<Alarm>(queue, fired, 2);
    Alarm c(queue, fired, 3);
    a.timer.arm(at(10));
    b->timer.arm(at(11));
    c.timer.arm(at(12));
    a.timer.arm(at(50));
    b.reset();
    c.timer.arm(never);
    CHECK(queue.size() == 1);
    queue.run(at(49));
    CHECK(fired.empty());
    queue.run(at(50));
    CHECK(fired == std::vector{1});
}

TEST_CASE("a callback that arms for the past does not loop for ever", "[timer]") {
    TimerQueue queue;
    std::vector<int> fired;
    Alarm a(queue, fired, 1);
    a.again = at(0);
    a.timer.arm(at(5));
    queue.run(at(10));
    CHECK(fired.size() == 1);
    queue.run(at(10));
    CHECK(fired.size() == 2);
}

TEST_CASE("the queue tells when its head becomes earlier", "[timer]") {
    TimerQueue queue;
    int told = 0;
    queue.on_earlier([](void* count) { ++*static_cast<int*>(count); }, &told);
    std::vector<int> fired;
    Alarm a(queue, fired, 1);
    Alarm b(queue, fired, 2);
    a.timer.arm(at(10));
    b.timer.arm(at(20));
    CHECK(told == 1);
    b.timer.arm(at(5));
    CHECK(told == 2);
}

TEST_CASE("ten thousand timers under random arming stay in order", "[timer]") {
    TimerQueue queue;
    std::vector<int> fired;
    std::vector<std::unique_ptr<Alarm>> alarms;
    std::mt19937 random(7);
    for (int i = 0; i < 10'000; ++i) {
        alarms.push_back(std::make_unique<Alarm>(queue, fired, i));
    }
    std::vector<int> due(alarms.size());
    for (int round = 0; round < 30'000; ++round) {
        const std::size_t i = random() % alarms.size();
        due[i] = static_cast<int>(random() % 100'000);
        if (round % 5 == 0) {
            alarms[i]->timer.cancel();
            due[i] = -1;
        } else {
            alarms[i]->timer.arm(at(due[i]));
        }
    }
    int before = -1;
    std::size_t armed = queue.size();
    while (queue.next() != never) {
        fired.clear();
        queue.run(queue.next());
        for (const int id : fired) {
            CHECK(due[static_cast<std::size_t>(id)] >= before);
            before = due[static_cast<std::size_t>(id)];
            --armed;
        }
    }
    CHECK(armed == 0);
}
