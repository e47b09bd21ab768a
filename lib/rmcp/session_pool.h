#pragma once
// Slots of one kind for all engines of a shard: they are made in chunks when they are needed, found
// by number, and linked into their engine's list. An idle node owns none.

#include "base/bytes.h"

#include <memory>
#include <new>
#include <vector>

namespace vbmc::rmcp {

inline constexpr u32 no_slot = 0xffffffff;

/// T has a member `u32 next`. A released slot is assigned T{}; T wipes what is secret by itself.
template <class T>
class Pool {
  public:
    explicit Pool(u32 limit) noexcept : limit_(limit) {}

    /// no_slot when the limit is reached.
    u32 take() noexcept {
        if (free_ == no_slot && !grow()) {
            return no_slot;
        }
        const u32 slot = free_;
        free_ = (*this)[slot].next;
        (*this)[slot].next = no_slot;
        ++used_;
        return slot;
    }

    void release(u32 slot) noexcept {
        (*this)[slot] = T{};
        (*this)[slot].next = free_;
        free_ = slot;
        --used_;
    }

    T& operator[](u32 slot) noexcept { return chunks_[slot / chunk_size][slot % chunk_size]; }

    const T& operator[](u32 slot) const noexcept {
        return chunks_[slot / chunk_size][slot % chunk_size];
    }

    u32 used() const noexcept { return used_; }

  private:
    static constexpr u32 chunk_size = 32;

    bool grow() noexcept {
        const u32 first = static_cast<u32>(chunks_.size()) * chunk_size;
        if (first + chunk_size > limit_) {
            return false;
        }
        std::unique_ptr<T[]> chunk(new (std::nothrow) T[chunk_size]);
        if (!chunk) {
            return false;
        }
        for (u32 i = 0; i < chunk_size; ++i) {
            chunk[i].next = i + 1 < chunk_size ? first + i + 1 : free_;
        }
        chunks_.push_back(std::move(chunk));
        free_ = first;
        return true;
    }

    std::vector<std::unique_ptr<T[]>> chunks_;
    u32 limit_;
    u32 free_ = no_slot;
    u32 used_ = 0;
};

} // namespace vbmc::rmcp
