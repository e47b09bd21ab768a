#include "bmc/record.h"

namespace vbmc::bmc {

void append_part(std::vector<u8>& out, const std::vector<u8>& part) {
    VBMC_CHECK(part.size() <= 0xffff);
    out.push_back(static_cast<u8>(part.size()));
    out.push_back(static_cast<u8>(part.size() >> 8));
    out.insert(out.end(), part.begin(), part.end());
}

bool split_parts(Bytes saved, std::span<Bytes> parts) noexcept {
    ByteReader reader(saved);
    for (Bytes& part : parts) {
        const u16 size = reader.read_u16();
        part = reader.take(size);
    }
    return reader.done();
}

} // namespace vbmc::bmc
