#pragma once
// FRU device 0, the node's inventory (Platform Management FRU Information Storage Definition 1.0).
// It is made from what is known of the node whenever it is read, until somebody writes to it: from
// then on the written image counts.

#include "base/bytes.h"
#include "bmc/config.h"
#include "bmc/identity.h"

#include <array>
#include <memory>
#include <vector>

namespace vbmc::bmc {

class Fru {
  public:
    static constexpr std::size_t size = 1024;

    /// Bytes from `offset`; both must lie within size.
    void read(const Config& config, std::size_t offset, MutableBytes out) const;

    void write(const Config& config, std::size_t offset, Bytes data);

    /// What the backend knows of the machine.
    void observe(const IdentitySeen& seen);

    /// The inventory of the backend's own controller: it counts instead of the one that is made.
    /// Too long or empty: not taken.
    void mirror(Bytes image);

    const Identity& identity() const noexcept { return identity_; }

    void save(std::vector<u8>& out) const;
    bool load(Bytes saved);

  private:
    ByteArray<size> image(const Config& config) const;

    Identity identity_;
    std::unique_ptr<ByteArray<size>> mirrored_;
    std::unique_ptr<ByteArray<size>> written_;
};

/// "01234567-89ab-cdef-0123-456789abcdef" of a GUID in IPMI's order.
std::array<char, 36> guid_text(const ByteArray<16>& guid) noexcept;

} // namespace vbmc::bmc
