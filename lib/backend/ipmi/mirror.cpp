#include "backend/ipmi/mirror.h"

#include "backend/ipmi/trouble.h"
#include "bmc/fru.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <algorithm>
#include <utility>

namespace vbmc::backend::ipmi {

using namespace std::chrono_literals;

namespace {

constexpr u8 netfn_sensor = 0x04;
constexpr u8 netfn_storage = 0x0a;
constexpr u8 get_fru_info = 0x10;
constexpr u8 read_fru_data = 0x11;
constexpr u8 get_sdr_info = 0x20;
constexpr u8 reserve_sdrs = 0x22;
constexpr u8 get_sdr = 0x23;
constexpr u8 get_sel_info = 0x40;
constexpr u8 get_sel_entry = 0x43;
constexpr u8 get_reading = 0x2d;
constexpr u16 last_record = 0xffff;
constexpr std::size_t sdrs_max = 1024;
constexpr std::size_t events_max = 8192; // steps of one walk through an event log
constexpr std::size_t events_kept = 512; // as many as a node's own log holds
constexpr u8 part_bytes = 16;
constexpr std::size_t sdr_header = 5;
constexpr Duration look_limit = 60s; // one look at everything

constexpr u8 low(u16 value) noexcept {
    return static_cast<u8>(value);
}

constexpr u8 high(u16 value) noexcept {
    return static_cast<u8>(value >> 8);
}

constexpr u16 id_of(const ByteArray<16>& record) noexcept {
    return static_cast<u16>(record[0] | record[1] << 8);
}

void keep_newest(std::vector<ByteArray<16>>& records) {
    if (records.size() > events_kept) {
        records.erase(records.begin(), records.end() - static_cast<std::ptrdiff_t>(events_kept));
    }
}

Error broken(const std::string& where, const char* what) {
    return Error(
        ErrorCode::internal, "the BMC at " + where + " gave " + what + " that makes no sense"
    );
}

} // namespace

Mirror::Mirror(std::shared_ptr<Link> link, const DriverContext& context, const Wishes& wishes)
    : link_(std::move(link)), executor_(context.shard.get_executor()), wishes_(wishes) {}

void Mirror::tell(const bmc::Observation& what) {
    if (const auto sink = sink_) {
        sink(what);
    }
}

void Mirror::kick() {
    const Mono now = link_->now().mono;
    if (running_ || now < due_ || !(wishes_.sensors || wishes_.events)) {
        return;
    }
    running_ = true;
    due_ = now + wishes_.interval;
    auto work = run(shared_from_this());
    boost::asio::co_spawn(executor_, std::move(work), boost::asio::detached);
}

Awaitable<void> Mirror::run(std::shared_ptr<Mirror> self) {
    const Mono deadline = self->link_->now().mono + look_limit;
    if (self->wishes_.sensors) {
        static_cast<void>(co_await self->look_at_sensors(deadline));
    }
    if (self->wishes_.events) {
        co_await self->look_at_events(deadline);
    }
    self->running_ = false;
}

/// Entries and the two time stamps: Get SDR Repository Info and Get SEL Info begin alike.
Awaitable<Result<Mirror::Version>> Mirror::read_version(u8 command, Mono deadline) {
    client::Request request(netfn_storage, command, {});
    auto data = co_await link_->ask(std::move(request), "a repository's information", deadline);
    if (data.has_error()) {
        co_return std::move(data).error();
    }
    ByteReader in(*data);
    in.skip(1);
    Version version;
    version.entries = in.read_u16();
    in.skip(2);
    version.added = in.read_u32();
    version.erased = in.read_u32();
    if (!in.ok()) {
        co_return broken(link_->name(), "repository information");
    }
    co_return version;
}

Awaitable<bool> Mirror::look_at_sensors(Mono deadline) {
    auto version = co_await read_version(get_sdr_info, deadline);
    if (version.has_error() || (sensors_known_ && *version == sdr_version_)) {
        co_return false;
    }
    auto found = co_await walk_sdrs(deadline);
    if (found.has_error()) {
        co_return false; // again at the next look
    }
    sdr_version_ = *version;
    sensors_known_ = true;
    map_ = map_sensors(*found);
    bmc::SensorSetSeen seen{map_.set};
    tell(seen);
    co_return true;
}

Awaitable<Result<std::vector<UpstreamSensor>>> Mirror::walk_sdrs(Mono deadline) {
    client::Request reserve(netfn_storage, reserve_sdrs, {});
    auto reserved = co_await link_->ask(std::move(reserve), "Reserve SDR Repository", deadline);
    u16 reservation = 0; // some have none, and need none
    if (reserved.has_value() && reserved->size() >= 2) {
        reservation = static_cast<u16>((*reserved)[0] | (*reserved)[1] << 8);
    }
    std::vector<UpstreamSensor> all;
    u16 id = 0;
    for (std::size_t i = 0; i < sdrs_max; ++i) {
        auto data = co_await read_sdr(reservation, id, deadline);
        if (data.has_error()) {
            co_return std::move(data).error();
        }
        ByteReader in(*data);
        const u16 next = in.read_u16();
        const Bytes record = in.take_rest();
        for (UpstreamSensor& sensor : sensors_in(record)) {
            all.push_back(std::move(sensor));
        }
        if (next == last_record || next == id) {
            break;
        }
        id = next;
    }
    co_return all;
}

/// The id of the next record and the whole record: at once where the BMC can, else in parts.
Awaitable<Result<std::vector<u8>>> Mirror::read_sdr(u16 reservation, u16 id, Mono deadline) {
    if (whole_sdrs_) {
        auto whole = co_await read_sdr_part(reservation, id, 0, 0xff, deadline);
        const bool answered = whole.has_value() && whole->size() >= 2 + sdr_header;
        const bool complete =
            answered && whole->size() >= 2 + sdr_header + (*whole)[2 + sdr_header - 1];
        if (complete || (whole.has_error() && is_silent(whole.error()))) {
            co_return whole;
        }
        whole_sdrs_ = false;
    }
    auto head = co_await read_sdr_part(reservation, id, 0, sdr_header, deadline);
    if (head.has_error()) {
        co_return head;
    }
    if (head->size() != 2 + sdr_header) {
        co_return broken(link_->name(), "a sensor record");
    }
    std::vector<u8> all = std::move(*head);
    const std::size_t size = std::min<std::size_t>(sdr_header + all.back(), 0xff);
    for (std::size_t at = sdr_header; at < size;) {
        const auto count = static_cast<u8>(std::min<std::size_t>(part_bytes, size - at));
        auto part = co_await read_sdr_part(reservation, id, static_cast<u8>(at), count, deadline);
        if (part.has_error()) {
            co_return part;
        }
        if (part->size() != 2U + count) {
            co_return broken(link_->name(), "a part of a sensor record");
        }
        all.insert(all.end(), part->begin() + 2, part->end());
        at += count;
    }
    co_return all;
}

Awaitable<Result<std::vector<u8>>>
Mirror::read_sdr_part(u16 reservation, u16 id, u8 offset, u8 count, Mono deadline) {
    std::vector<u8> what = {low(reservation), high(reservation), low(id), high(id), offset, count};
    client::Request request(netfn_storage, get_sdr, std::move(what));
    co_return co_await link_->ask(std::move(request), "Get SDR", deadline);
}

Awaitable<Result<std::vector<bmc::SensorReading>>> Mirror::read_sensors(Mono deadline) {
    const std::shared_ptr<const bmc::SensorSet> set = map_.set;
    std::vector<bmc::SensorReading> readings;
    if (!set) {
        kick(); // until then there is nothing to read
        co_return readings;
    }
    const std::map<u8, u8> numbers = map_.to_here;
    for (const auto& [there, here] : numbers) {
        const bmc::SensorSpec* spec = set->find(here);
        if (spec == nullptr) {
            continue;
        }
        std::vector<u8> what = {there};
        client::Request request(netfn_sensor, get_reading, std::move(what));
        auto answer = co_await link_->call(std::move(request), deadline);
        if (answer.has_error()) {
            co_return std::move(answer).error();
        }
        const Bytes data = answer->completion == 0 ? Bytes(answer->data) : Bytes();
        readings.push_back(reading_of(*spec, data));
    }
    co_return readings;
}

Awaitable<Result<Mirror::Entry>> Mirror::read_event(u16 id, Mono deadline) {
    std::vector<u8> what = {0, 0, low(id), high(id), 0, 0xff};
    client::Request request(netfn_storage, get_sel_entry, std::move(what));
    auto answer = co_await link_->call(std::move(request), deadline);
    if (answer.has_error()) {
        co_return std::move(answer).error();
    }
    Entry entry;
    constexpr std::size_t size = 18;
    if (answer->completion == 0 && answer->data.size() == size) {
        ByteReader in(answer->data);
        entry.next = in.read_u16();
        entry.record = in.read_array<16>();
        entry.found = true;
    }
    co_return entry;
}

/// The entries from this one on; the newest, when there are more than a node's log holds.
Awaitable<Result<Mirror::Records>> Mirror::walk_events(u16 id, Mono deadline) {
    Records found;
    for (std::size_t i = 0; i < events_max && id != last_record; ++i) {
        auto entry = co_await read_event(id, deadline);
        if (entry.has_error()) {
            co_return std::move(entry).error();
        }
        if (!entry->found) {
            break; // an empty log, or one that was cleared meanwhile
        }
        found.push_back(entry->record);
        if (entry->next == id) {
            break;
        }
        id = entry->next;
    }
    keep_newest(found);
    co_return found;
}

/// What came since the last look; at the first one, everything.
Awaitable<void> Mirror::look_at_events(Mono deadline) {
    auto version = co_await read_version(get_sel_info, deadline);
    if (version.has_error() || (events_known_ && *version == sel_version_)) {
        co_return;
    }
    u16 id = 0;
    bool goes_on = false;
    if (!known_events_.empty()) {
        const u16 last = id_of(known_events_.back());
        auto entry = co_await read_event(last, deadline);
        if (entry.has_error()) {
            co_return;
        }
        // After a clear the ids begin anew: the same one may be another event.
        goes_on = entry->found && entry->record == known_events_.back();
        id = goes_on ? entry->next : u16{0};
    }
    auto found = co_await walk_events(id, deadline);
    if (found.has_error()) {
        co_return;
    }
    bmc::SelSeen seen;
    seen.history = !events_known_;
    const auto known = [this](const ByteArray<16>& record) {
        return std::find(known_events_.begin(), known_events_.end(), record) != known_events_.end();
    };
    for (ByteArray<16> record : *found) {
        if (goes_on || !known(record)) {
            renumber_event(record, map_);
            seen.records.push_back(record);
        }
    }
    if (!goes_on) {
        known_events_.clear(); // those that are left were found again
    }
    known_events_.insert(known_events_.end(), found->begin(), found->end());
    keep_newest(known_events_);
    sel_version_ = *version;
    events_known_ = true;
    if (!seen.records.empty()) {
        tell(seen);
    }
}

Awaitable<Result<std::vector<u8>>> Mirror::read_fru(Mono deadline) {
    std::vector<u8> device = {0};
    client::Request info(netfn_storage, get_fru_info, std::move(device));
    auto told = co_await link_->ask(std::move(info), "Get FRU Inventory Area Info", deadline);
    if (told.has_error()) {
        co_return told;
    }
    if (told->size() < 3 || ((*told)[2] & 0x01) != 0) {
        co_return broken(link_->name(), "an inventory area");
    }
    const auto whole = static_cast<std::size_t>((*told)[0] | (*told)[1] << 8);
    const std::size_t size = std::min<std::size_t>(whole, bmc::Fru::size);
    std::vector<u8> image;
    while (image.size() < size) {
        const auto at = static_cast<u16>(image.size());
        const auto count = static_cast<u8>(std::min<std::size_t>(part_bytes, size - at));
        std::vector<u8> what = {0, low(at), high(at), count};
        client::Request request(netfn_storage, read_fru_data, std::move(what));
        auto part = co_await link_->ask(std::move(request), "Read FRU Data", deadline);
        if (part.has_error()) {
            co_return part;
        }
        const std::size_t got = part->size() - std::min<std::size_t>(part->size(), 1);
        if (got == 0 || got > count) {
            co_return broken(link_->name(), "a part of the inventory");
        }
        image.insert(image.end(), part->begin() + 1, part->end());
    }
    if (whole <= bmc::Fru::size && !image.empty()) {
        bmc::FruSeen seen{image};
        tell(seen);
    }
    co_return image;
}

Awaitable<Result<bmc::IdentitySeen>> Mirror::read_identity(Mono deadline) {
    bmc::IdentitySeen seen;
    if (!wishes_.fru) {
        co_return seen;
    }
    auto image = co_await read_fru(deadline);
    if (image.has_error() && is_silent(image.error())) {
        co_return std::move(image).error();
    }
    if (image.has_value()) {
        seen = identity_in(*image);
    }
    co_return seen;
}

} // namespace vbmc::backend::ipmi
