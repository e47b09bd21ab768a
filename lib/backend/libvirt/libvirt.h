#pragma once
// A domain of a libvirt host as a backend: QEMU/KVM guests first, and whatever else libvirt runs.

#include "backend/driver.h"

namespace vbmc::backend::libvirt {

extern const DriverKind kind;

} // namespace vbmc::backend::libvirt
