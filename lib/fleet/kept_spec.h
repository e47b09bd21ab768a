#pragma once
// A NodeSpec at rest. Thousands of them are kept and few are looked at, so this one is packed: its
// texts behind one another in one allocation, instead of some dozen strings and maps. What every
// node is asked for all the time is at hand without unpacking.

#include "fleet/node_spec.h"

#include <memory>

namespace vbmc::fleet {

class KeptSpec {
  public:
    KeptSpec() = default;
    explicit KeptSpec(const NodeSpec& spec);

    ~KeptSpec() { forget(); }

    KeptSpec(KeptSpec&& other) noexcept;
    KeptSpec& operator=(KeptSpec&& other) noexcept;

    NodeSpec open() const;

    std::string name() const;
    /// The same, in place: valid until something else is kept here.
    Bytes name_bytes() const noexcept;

    std::string uid() const;

    const Peer& endpoint() const noexcept { return endpoint_; }

    bool enabled() const noexcept { return enabled_; }

  private:
    Bytes packed() const noexcept { return {packed_.get(), size_}; }

    void forget() noexcept;

    std::unique_ptr<u8[]> packed_;
    std::shared_ptr<const NodePolicy> policy_; // null: the default
    Peer endpoint_;
    u32 size_ = 0;
    bool enabled_ = true;
};

} // namespace vbmc::fleet
