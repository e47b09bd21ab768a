#pragma once
// The System Event Log (IPMI 2.0 §31, §32): a bounded ring. When it is full the oldest entry makes
// room and the overflow flag stays up until the log is cleared: nobody empties a virtual
// controller's log by hand, and the latest event is the one that is looked for. Grows as it is
// used.

#include "base/bytes.h"
#include "base/time.h"
#include "bmc/reservation.h"

#include <optional>
#include <vector>

namespace vbmc::bmc {

/// An event as the controller's own code reports it. Hand it to log_event() (bmc/events.h).
struct SelEvent {
    u8 sensor_type = 0;
    u8 sensor_number = 0;
    u8 event_type = 0x6f; // reading_type
    bool asserted = true;
    ByteArray<3> data = {
        0xff, 0xff, 0xff};  // data[0]: offset, and in its upper half what the others hold
    u16 generator = 0x0020; // the BMC
};

class Sel {
  public:
    static constexpr std::size_t capacity = 512;
    static constexpr u16 first_id = 0x0000; // asks for the oldest entry
    static constexpr u16 last_id = 0xffff;  // asks for the newest; as a next id: there is none
    using Record = ByteArray<16>;           // as on the wire: id, type, time stamp, ...

    struct Found {
        const Record* record;
        u16 next; // last_id behind the newest
    };

    /// Logs an event of now; its record id.
    u16 add(Now now, const SelEvent& event);

    /// Logs a record as a client gave it: the id, and the time stamp of types below E0h, are ours.
    u16 add(Now now, Record record);

    /// Takes over a record of another controller's log: the id is ours, the time stamp is its own.
    u16 mirror(Now now, Record record);

    /// Whether such a record is here, whatever its id, or is older than the last clear.
    bool had(const Record& record) const noexcept;

    std::optional<Found> find(u16 id) const noexcept;

    /// The id of what was deleted.
    std::optional<u16> erase(u16 id, Now now);

    void clear(Now now);

    std::size_t size() const noexcept { return records_.size(); }

    bool full() const noexcept { return records_.size() >= capacity; }

    /// Entries were lost since the last clear.
    bool overflowed() const noexcept { return overflowed_; }

    const std::vector<Record>& records() const noexcept { return records_; }

    u32 added_at() const noexcept { return added_at_; }

    u32 erased_at() const noexcept { return erased_at_; }

    /// The log's clock: seconds since 1970, as Set SEL Time set it.
    u32 clock(Now now) const noexcept;

    void set_clock(Now now, u32 seconds) noexcept;

    /// Minutes from UTC, or unspecified_offset.
    i16 utc_offset() const noexcept { return utc_offset_; }

    void set_utc_offset(i16 minutes) noexcept { utc_offset_ = minutes; }

    static constexpr i16 unspecified_offset = 0x7ff;

    Reservation reservation;

    /// A record that Partial Add SEL Entry brings in pieces.
    struct Partial {
        Record record{};
        u8 size = 0;
    };

    Partial partial;

    /// What system software says of the machine check log (§31.12); volatile.
    struct AuxiliaryLog {
        u32 timestamp = 0xffffffff;
        u32 entries = 0;
    };

    AuxiliaryLog machine_check_log;

    /// The id that the next entry gets.
    u16 next_id() const noexcept;

    void save(std::vector<u8>& out) const;
    bool load(Bytes saved);

  private:
    std::optional<std::size_t> index_of(u16 id) const noexcept;

    std::vector<Record> records_; // oldest first
    i64 clock_offset_ = 0;        // seconds ahead of the host's clock
    u32 added_at_ = 0xffffffff;   // FFFFFFFFh: never (IPMI 2.0 §37)
    u32 erased_at_ = 0xffffffff;
    u16 newest_id_ = 0;
    i16 utc_offset_ = unspecified_offset;
    bool overflowed_ = false;
};

} // namespace vbmc::bmc
