#pragma once
// A fleet without endpoints, linked in the place of lib/fleet's: nodes are entries of a map, and a
// test says which of them fail and how long each call takes. What a test changes, it changes before
// the server starts or through on_control().

#include "fleet/fleet.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace vbmc::test {

struct FakeNode {
    fleet::NodeView view;
    std::vector<fleet::UserSpec> users;
};

struct FakeFleet {
    std::map<std::string, FakeNode> nodes;
    std::map<std::string, Error> failing; // by node: every call about it
    std::map<std::string, int> races;     // by node: so many updates lose a race
    int delay_ms = 0;
    int in_flight = 0;
    int in_flight_most = 0;
    int calls = 0;
    unsigned etag = 0;
    fleet::EventHub hub;

    void add(const std::string& name);
};

/// The one that the last Fleet made.
FakeFleet& fake();

} // namespace vbmc::test
