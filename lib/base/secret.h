#pragma once
// Secrets: zeroed when they end, compared in constant time, and not printable by any operator<<.

#include "base/bytes.h"

#include <string>
#include <string_view>
#include <utility>

namespace vbmc {

/// Overwrites memory in a way the optimiser keeps.
void wipe(MutableBytes bytes) noexcept;

/// Equality in a time that depends on the sizes only.
bool equal_constant_time(Bytes a, Bytes b) noexcept;

/// A secret text (password, token, key) of any length.
class Secret {
  public:
    Secret() = default;

    explicit Secret(std::string_view text) : value_(text) {}

    explicit Secret(Bytes bytes) : value_(bytes.begin(), bytes.end()) {}

    Secret(const Secret&) = default;

    Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.clear(); }

    Secret& operator=(const Secret& other) {
        if (this != &other) {
            clear();
            value_ = other.value_;
        }
        return *this;
    }

    Secret& operator=(Secret&& other) noexcept {
        if (this != &other) {
            clear();
            value_ = std::move(other.value_);
            other.clear();
        }
        return *this;
    }

    ~Secret() { clear(); }

    bool empty() const noexcept { return value_.empty(); }

    std::size_t size() const noexcept { return value_.size(); }

    /// The only way to see it; grep for reveal to audit who does.
    std::string_view reveal() const noexcept { return value_; }

    Bytes reveal_bytes() const noexcept;

    void clear() noexcept;

    friend bool operator==(const Secret& a, const Secret& b) noexcept {
        return equal_constant_time(a.reveal_bytes(), b.reveal_bytes());
    }

  private:
    std::string value_;
};

} // namespace vbmc
