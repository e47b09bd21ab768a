#pragma once
// What a shard's engines share: randomness, crypto contexts, the pools of sessions and of
// handshakes, the throttle, counters. One instance a shard, touched by its thread only, outlives
// its engines.

#include "base/entropy.h"
#include "crypto/toolbox.h"
#include "rmcp/counters.h"

#include <memory>

namespace vbmc::rmcp {

struct Limits {
    Duration idle_timeout = std::chrono::seconds(60); // IPMI 2.0 §6.12.15
    Duration half_open_timeout = std::chrono::seconds(3);
    // freeipmi gives up at a handshake's answer that comes twice. What comes again sooner than any
    // client resends was doubled by the network, and is not answered again.
    Duration copy_window = std::chrono::milliseconds(300);
    Duration eviction_grace = std::chrono::seconds(5); // a session used within is never evicted
    Duration repeat_window = std::chrono::seconds(10); // how long a reply is repeated
    u32 half_open_per_port = 4;                        // one client runs one handshake
    u32 half_open_per_source = 64;                     // an address, all ports
    u32 half_open_per_node = 128;
    u32 half_open_per_shard = 8192;
    u32 sessions_per_shard = 65536;
    u32 answers_per_port = 256;     // a second, to strangers, from one node to one address and port
    u32 answers_per_source = 10000; // a second, to strangers, from the shard to one address
    u32 free_guesses = 4;           // wrong passwords before a source's log-ins slow down
    Duration guess_delay_first = std::chrono::milliseconds(250);
    Duration guess_delay_max = std::chrono::seconds(4); // clients that retransmit still get in
    Duration guess_memory = std::chrono::seconds(60);
};

struct Pools;

class Shared {
  public:
    explicit Shared(Entropy& entropy_, const Limits& limits_ = {});
    Shared(const Shared&) = delete;
    Shared& operator=(const Shared&) = delete;
    ~Shared();

    Entropy& entropy;
    const Limits limits;
    crypto::Toolbox tools;
    crypto::HmacKey boot_key; // makes the keys of users that do not exist (hide_users)
    Counters counters;
    u32 engines = 0; // made so far: each gets its own salt
    const std::unique_ptr<Pools> pools;
};

} // namespace vbmc::rmcp
