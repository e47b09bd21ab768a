#pragma once
// SOL configuration parameters (IPMI 2.0 §26.2, §26.3): plain values; the transport commands read
// and write them, the endpoint obeys them. Persisted in Section::channel.

#include "base/fields.h"
#include "bmc/privilege.h"

#include <vector>

namespace vbmc::bmc {

struct SolConfig {
    bool set_in_progress = false; // volatile
    bool enabled = true;
    Privilege privilege = Privilege::user; // the least that may activate
    bool force_authentication = true;
    bool force_encryption = true;
    u8 accumulate_5ms = 12; // at least 1 (§26.3 parameter 3)
    u8 send_threshold = 96;
    u8 retry_count = 7; // 3 bits
    u8 retry_interval_10ms = 50;
    u8 bit_rate_stored = 0x0a; // 0x0a: 115.2 kbps
    u8 bit_rate_active = 0x0a; // volatile

    void save(std::vector<u8>& out) const;
    bool load(Bytes saved);

    static void fields(auto& c, auto& r) {
        c.byte(r.enabled);
        c.byte(r.force_authentication);
        c.byte(r.force_encryption);
        c.byte(r.privilege);
        c.byte(r.accumulate_5ms);
        c.byte(r.send_threshold);
        c.byte(r.retry_count);
        c.byte(r.retry_interval_10ms);
        c.byte(r.bit_rate_stored);
    }
};

} // namespace vbmc::bmc
