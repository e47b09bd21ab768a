#include "bmc/sel.h"

#include "base/fields.h"

#include <algorithm>

namespace vbmc::bmc {

namespace {

constexpr u8 saved_version = 1;
constexpr u8 system_event_record = 0x02;
constexpr u8 event_message_revision = 0x04;
constexpr u8 first_type_without_time = 0xe0; // IPMI 2.0 §32.3

u16 id_of(const Sel::Record& record) noexcept {
    return static_cast<u16>(record[0] | record[1] << 8);
}

i64 seconds_of(Wall wall) noexcept {
    return std::chrono::floor<std::chrono::seconds>(wall).time_since_epoch().count();
}

void put_u32(u8* at, u32 value) noexcept {
    for (int i = 0; i < 4; ++i) {
        at[i] = static_cast<u8>(value >> (8 * i));
    }
}

struct SavedHeader {
    u8 version = saved_version;
    u64 clock_offset = 0;
    u32 added_at = 0;
    u32 erased_at = 0;
    u16 newest_id = 0;
    u16 utc_offset = 0;
    bool overflowed = false;
    u16 count = 0;

    static constexpr std::size_t size = 24;

    static void fields(auto& c, auto& r) {
        c.byte(r.version);
        c.qword(r.clock_offset);
        c.dword(r.added_at);
        c.dword(r.erased_at);
        c.word(r.newest_id);
        c.word(r.utc_offset);
        c.byte(r.overflowed);
        c.word(r.count);
    }
};

} // namespace

u32 Sel::clock(Now now) const noexcept {
    return static_cast<u32>(seconds_of(now.wall) + clock_offset_);
}

void Sel::set_clock(Now now, u32 seconds) noexcept {
    clock_offset_ = static_cast<i64>(seconds) - seconds_of(now.wall);
}

u16 Sel::add(Now now, const SelEvent& event) {
    Record record{};
    record[2] = system_event_record;
    record[7] = static_cast<u8>(event.generator);
    record[8] = static_cast<u8>(event.generator >> 8);
    record[9] = event_message_revision;
    record[10] = event.sensor_type;
    record[11] = event.sensor_number;
    record[12] = static_cast<u8>((event.asserted ? 0x00 : 0x80) | (event.event_type & 0x7f));
    std::copy(event.data.begin(), event.data.end(), record.begin() + 13);
    return add(now, record);
}

u16 Sel::add(Now now, Record record) {
    if (record[2] < first_type_without_time) {
        put_u32(&record[3], clock(now));
    }
    return mirror(now, record);
}

bool Sel::had(const Record& record) const noexcept {
    const u32 at = ByteReader(Bytes(record).subspan(3)).read_u32();
    const bool timed = record[2] < first_type_without_time;
    if (timed && erased_at_ != 0xffffffff && at <= erased_at_) {
        return true; // it was here, or would have been, and was cleared
    }
    return std::any_of(records_.begin(), records_.end(), [&](const Record& mine) {
        return equal(Bytes(mine).subspan(2), Bytes(record).subspan(2));
    });
}

u16 Sel::mirror(Now now, Record record) {
    if (full()) {
        records_.erase(records_.begin());
        overflowed_ = true;
    }
    if (records_.size() == records_.capacity()) {
        // A vector doubles; ten thousand logs of a few entries each would pay for that.
        records_.reserve(
            std::min(capacity, records_.size() + std::max<std::size_t>(4, records_.size() / 4))
        );
    }
    newest_id_ = next_id();
    record[0] = static_cast<u8>(newest_id_);
    record[1] = static_cast<u8>(newest_id_ >> 8);
    added_at_ = clock(now);
    records_.push_back(record);
    reservation.cancel(); // §31.4: so that nobody clears an entry that he has not seen
    return newest_id_;
}

u16 Sel::next_id() const noexcept {
    u16 id = newest_id_;
    do {
        id = static_cast<u16>(id + 1);
    } while (id == first_id || id == last_id || index_of(id));
    return id;
}

std::optional<std::size_t> Sel::index_of(u16 id) const noexcept {
    if (records_.empty()) {
        return std::nullopt;
    }
    if (id == first_id) {
        return 0;
    }
    if (id == last_id) {
        return records_.size() - 1;
    }
    const auto at = std::find_if(records_.begin(), records_.end(), [id](const Record& record) {
        return id_of(record) == id;
    });
    if (at == records_.end()) {
        return std::nullopt;
    }
    return static_cast<std::size_t>(at - records_.begin());
}

std::optional<Sel::Found> Sel::find(u16 id) const noexcept {
    const auto at = index_of(id);
    if (!at) {
        return std::nullopt;
    }
    const u16 next = *at + 1 < records_.size() ? id_of(records_[*at + 1]) : last_id;
    return Found{&records_[*at], next};
}

std::optional<u16> Sel::erase(u16 id, Now now) {
    const auto at = index_of(id);
    if (!at) {
        return std::nullopt;
    }
    const u16 erased = id_of(records_[*at]);
    records_.erase(records_.begin() + static_cast<std::ptrdiff_t>(*at));
    erased_at_ = clock(now);
    reservation.cancel();
    return erased;
}

void Sel::clear(Now now) {
    std::vector<Record>().swap(records_);
    partial = {};
    newest_id_ = 0;
    overflowed_ = false;
    erased_at_ = clock(now);
    reservation.cancel();
}

void Sel::save(std::vector<u8>& out) const {
    const SavedHeader header{
        .clock_offset = static_cast<u64>(clock_offset_),
        .added_at = added_at_,
        .erased_at = erased_at_,
        .newest_id = newest_id_,
        .utc_offset = static_cast<u16>(utc_offset_),
        .overflowed = overflowed_,
        .count = static_cast<u16>(records_.size()),
    };
    ByteArray<SavedHeader::size> bytes{};
    ByteWriter writer(bytes);
    encode(writer, header);
    out.insert(out.end(), bytes.begin(), bytes.end());
    for (const Record& record : records_) {
        out.insert(out.end(), record.begin(), record.end());
    }
}

bool Sel::load(Bytes saved) {
    if (saved.size() < SavedHeader::size) {
        return false;
    }
    const auto header = decode<SavedHeader>(saved.first(SavedHeader::size));
    const Bytes body = saved.subspan(SavedHeader::size);
    if (!header || header->version != saved_version || header->count > capacity ||
        body.size() != header->count * std::size_t{16}) {
        return false;
    }
    std::vector<Record> records(header->count);
    ByteReader reader(body);
    for (Record& record : records) {
        record = reader.read_array<16>();
        const u16 id = id_of(record);
        if (id == first_id || id == last_id) {
            return false;
        }
    }
    records_ = std::move(records);
    clock_offset_ = static_cast<i64>(header->clock_offset);
    added_at_ = header->added_at;
    erased_at_ = header->erased_at;
    newest_id_ = header->newest_id;
    utc_offset_ = static_cast<i16>(header->utc_offset);
    overflowed_ = header->overflowed;
    return true;
}

} // namespace vbmc::bmc
