#pragma once
// Keeps a node like the BMC behind it: sensors from its SDR repository, new entries of its event
// log, its FRU inventory. Looks in its own time, one coroutine while it does, none in between;
// never in the way of a power command. On the node's shard; owned by the driver.

#include "backend/ipmi/link.h"
#include "backend/ipmi/options.h"
#include "backend/ipmi/records.h"

namespace vbmc::backend::ipmi {

class Mirror : public std::enable_shared_from_this<Mirror> {
  public:
    using Sink = std::function<void(const bmc::Observation&)>;

    Mirror(std::shared_ptr<Link> link, const DriverContext& context, const Wishes& wishes);

    void set_sink(Sink sink) { sink_ = std::move(sink); }

    /// The BMC answers: looks at what may have changed, if it is time to.
    void kick();

    std::shared_ptr<const bmc::SensorSet> sensor_set() const { return map_.set; }

    Awaitable<Result<std::vector<bmc::SensorReading>>> read_sensors(Mono deadline);

    /// From the FRU inventory; what it does not tell stays empty.
    Awaitable<Result<bmc::IdentitySeen>> read_identity(Mono deadline);

  private:
    /// What tells that a repository has changed.
    struct Version {
        u16 entries = 0xffff;
        u32 added = 0;
        u32 erased = 0;

        friend bool operator==(const Version&, const Version&) = default;
    };

    using Records = std::vector<ByteArray<16>>;

    struct Entry {
        u16 next = 0xffff;
        ByteArray<16> record{};
        bool found = false;

        Entry() = default;
    };

    static Awaitable<void> run(std::shared_ptr<Mirror> self);
    Awaitable<bool> look_at_sensors(Mono deadline);
    Awaitable<Result<std::vector<UpstreamSensor>>> walk_sdrs(Mono deadline);
    Awaitable<Result<std::vector<u8>>> read_sdr(u16 reservation, u16 id, Mono deadline);
    Awaitable<Result<std::vector<u8>>>
    read_sdr_part(u16 reservation, u16 id, u8 offset, u8 count, Mono deadline);
    Awaitable<void> look_at_events(Mono deadline);
    Awaitable<Result<Records>> walk_events(u16 id, Mono deadline);
    Awaitable<Result<Entry>> read_event(u16 id, Mono deadline);
    Awaitable<Result<std::vector<u8>>> read_fru(Mono deadline);
    Awaitable<Result<Version>> read_version(u8 command, Mono deadline);
    void tell(const bmc::Observation& what);

    std::shared_ptr<Link> link_;
    net::Executor executor_;
    Wishes wishes_;
    Sink sink_;
    SensorMap map_;
    Version sdr_version_;
    Version sel_version_;
    Records known_events_; // the newest that its log held, ids and all
    bool whole_sdrs_ = true;
    bool running_ = false;
    bool sensors_known_ = false;
    bool events_known_ = false;
    Mono due_ = Mono::min();
};

} // namespace vbmc::backend::ipmi
