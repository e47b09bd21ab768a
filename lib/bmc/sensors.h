#pragma once
// A node's sensors: the last readings, and what users changed of thresholds, hysteresis and event
// enables. What the sensors are is in the shared SensorSet. Memory only once something was seen or
// changed.

#include "base/time.h"
#include "bmc/observation.h"
#include "bmc/reservation.h"
#include "bmc/sensor_set.h"

#include <optional>
#include <vector>

namespace vbmc::bmc {

class Bmc;

/// What can be changed of one sensor by IPMI commands.
struct SensorSettings {
    u8 number = 0;
    ByteArray<threshold_count> thresholds{}; // raw
    u8 hysteresis_up = 0;
    u8 hysteresis_down = 0;
    bool event_messages = true;
    bool scanning = true;
    u16 assertions = 0; // enabled events, one bit each
    u16 deassertions = 0;

    friend bool operator==(const SensorSettings&, const SensorSettings&) = default;

    static void fields(auto& c, auto& r) {
        c.byte(r.number);
        c.bytes(r.thresholds);
        c.byte(r.hysteresis_up);
        c.byte(r.hysteresis_down);
        c.byte(r.event_messages);
        c.byte(r.scanning);
        c.word(r.assertions);
        c.word(r.deassertions);
    }
};

/// What Get Sensor Reading and Get Sensor Event Status tell.
struct SensorState {
    bool available = false;
    u8 raw = 0;      // threshold sensors
    u8 compared = 0; // threshold sensors: at or beyond, one bit a Threshold, as of the last reading
    u16 states = 0;  // discrete sensors: the offsets that are true now
    u16 asserted = 0; // events that are asserted, one bit each
    double value = 0; // threshold sensors, in the sensor's unit
};

class Sensors {
  public:
    /// The settings in force: the sensor's defaults or what was changed of them.
    SensorSettings settings(const SensorSpec& spec) const noexcept;

    void change(const SensorSettings& settings);

    struct Live {
        u8 number = 0;
        bool available = false;
        u8 raw = 0;
        u8 crossed = 0; // thresholds whose event is asserted (with hysteresis)
        float value = 0;
    };

    const Live* live(u8 number) const noexcept;
    Live& live_or_new(u8 number);

    /// Forgets the readings of sensors that are not in the set any more.
    void keep_only(const SensorSet& set);

    /// Forgets which of these threshold events are asserted: the next reading reports them anew.
    void rearm(u8 number, u16 events) noexcept;

    void rearm_all() noexcept;

    Mono seen_at() const noexcept { return seen_at_; }

    void mark_seen(Mono at) noexcept { seen_at_ = at; }

    /// True when the last readings are old, at most every few seconds: then somebody has to ask.
    bool wants_refresh(Mono now) const noexcept;

    void begin_refresh(Mono now, Ticket ticket) noexcept;

    /// What a reader may wait for: the refresh that was asked for less than `patience` ago; 0:
    /// none.
    Ticket refresh_under_way(Mono now, Duration patience) const noexcept;

    /// The refresh that ended with the last readings, once; 0: none.
    Ticket take_refresh() noexcept;

    Reservation repository; // of the SDR repository
    Reservation device;     // of the device SDRs

    void save(std::vector<u8>& out) const;
    bool load(Bytes saved);

  private:
    std::vector<SensorSettings> changed_; // by number
    std::vector<Live> live_;              // by number
    Mono seen_at_ = Mono::min();
    Mono asked_at_ = Mono::min();
    Ticket refresh_ = 0;
};

/// Every event that a sensor can report, one bit each (IPMI 2.0 table 42-2; §43.1 masks).
u16 possible_events(const SensorSpec& spec) noexcept;

/// Folds readings in: raw values, and events of the thresholds that were crossed.
void observe_sensors(Bmc& bmc, Now now, const SensorsSeen& seen);

/// Asks the backend for new readings when the last ones are old. Gives the ticket of a refresh that
/// is about to end, for a reader who can wait; 0: there is nothing to wait for.
Ticket refresh_sensors(Bmc& bmc, Now now);

/// The sensor as it stands: from the last readings, or from what the controller itself knows.
SensorState read_sensor(const Bmc& bmc, Now now, const SensorSpec& spec);

/// The offsets that are true of a sensor which every node has; nullopt while that is unknown.
std::optional<u16> standard_state(const Bmc& bmc, Now now, u8 number);

} // namespace vbmc::bmc
