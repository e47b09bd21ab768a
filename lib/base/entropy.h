#pragma once
// Randomness as an argument: session ids, nonces and IVs come from an Entropy that the host gives.

#include "base/bytes.h"

namespace vbmc {

class Entropy {
  public:
    virtual ~Entropy() = default;
    virtual void fill(MutableBytes out) noexcept = 0;

    u32 next_u32() noexcept {
        ByteArray<4> raw{};
        fill(raw);
        return ByteReader(raw).read_u32();
    }
};

/// getrandom(2), buffered: one system call for many nonces. One instance a thread.
class SystemEntropy final : public Entropy {
  public:
    SystemEntropy() = default;
    SystemEntropy(const SystemEntropy&) = delete;
    SystemEntropy& operator=(const SystemEntropy&) = delete;
    ~SystemEntropy() override;
    void fill(MutableBytes out) noexcept override;

  private:
    ByteArray<4096> buffer_{};
    std::size_t used_ = sizeof(buffer_);
};

} // namespace vbmc
