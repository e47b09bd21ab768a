#pragma once
// What the backend knows of the machine, as every node keeps it: in one allocation, or none.

#include "bmc/observation.h"

#include <memory>
#include <string_view>

namespace vbmc::bmc {

class Identity {
  public:
    Identity() = default;
    explicit Identity(const IdentitySeen& seen);

    // Empty: not known.

    std::string_view manufacturer() const noexcept { return text(0); }

    std::string_view product() const noexcept { return text(1); }

    std::string_view serial() const noexcept { return text(2); }

    std::string_view asset_tag() const noexcept { return text(3); }

  private:
    std::string_view text(unsigned index) const noexcept;

    std::unique_ptr<const char[]> texts_; // behind one another, each ended by a zero byte
};

} // namespace vbmc::bmc
