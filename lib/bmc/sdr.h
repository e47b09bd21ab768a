#pragma once
// The Sensor Data Records of a node (IPMI 2.0 §43), made when they are asked for: a controller
// locator, a FRU locator, the sensors that every node has, and its backend's. Record ids are 1, 2,
// 3 ...

#include "base/inline_bytes.h"
#include "bmc/sensor_set.h"

#include <optional>

namespace vbmc::bmc {

using SdrRecord = InlineBytes<64>;

std::size_t sdr_count(const SensorSet* own) noexcept;

/// Number of sensors, for Get Device SDR Info.
std::size_t sensor_count(const SensorSet* own) noexcept;

/// The whole record with its header; `index` counts from 0 and is less than sdr_count().
SdrRecord sdr_record(const SensorSet* own, std::size_t index);

/// M, tolerance, B, accuracy and exponents, as bytes 25 to 30 of a full sensor record.
ByteArray<6> reading_factors(const Linear& linear) noexcept;

/// The record that describes a sensor; nullopt when there is no such sensor.
std::optional<u16> sdr_record_id(const SensorSet* own, u8 sensor_number) noexcept;

/// The "most recent addition" time stamp: the same as long as the records are the same, so that a
/// client's cache (freeipmi keeps one a host) lives exactly as long as it is right.
u32 sdr_timestamp(const SensorSet* own);

} // namespace vbmc::bmc
