#pragma once
// What a controller is told about itself when it is made; never changed by IPMI commands.

#include "base/peer.h"
#include "base/time.h"
#include "bmc/privilege.h"

#include <memory>
#include <string>
#include <string_view>

namespace vbmc::bmc {

struct SensorSet;

/// What the node's backend can do; a handler refuses the rest at once.
struct Capabilities {
    bool power = true; // on, off; cycle is made of them
    bool reset = true;
    bool soft = true;
    bool nmi = true;
    bool boot = true;
    bool media = false;
    bool console = false;
    bool sensors = false;
    bool identify = false;
    bool pushes_power = false; // tells of every change itself: what was seen last is always fresh
    bool raw = false;          // is a controller itself: takes commands that this one does not know
    Privilege raw_privilege = Privilege::administrator; // that such a command needs here

    friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

struct Config {
    std::string name;       // the node's
    ByteArray<16> guid{};   // never changes; IPMI order (IPMI 2.0 §22.14: least significant first)
    Peer address;           // where the endpoint is reached
    u8 network_prefix = 24; // shown by Get LAN Configuration Parameters
    IpAddress gateway{};    // may be any: none
    ByteArray<6> mac{};     // generated, locally administered
    std::string_view firmware_product = "vbmcd";
    u8 firmware_major = 0;     // of vbmcd itself
    u8 firmware_minor_bcd = 1; // BCD (IPMI 2.0 §20.1)
    Capabilities capabilities;
    std::shared_ptr<const SensorSet> sensors;        // shared by all nodes of a kind; may be null
    Duration fresh_for = std::chrono::seconds(2);    // an older observation is refreshed on a read
    Duration stale_after = std::chrono::seconds(60); // an older one is not told at all: C0h
    Duration confirm_window = std::chrono::milliseconds(700);
};

} // namespace vbmc::bmc
