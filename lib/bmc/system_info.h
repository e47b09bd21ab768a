#pragma once
// System Info Parameters (IPMI 2.0 §22.14a, §22.14b): strings that software leaves with the
// controller. Memory only for those that were written. Persisted in Section::system.

#include "base/fields.h"

#include <string>
#include <vector>

namespace vbmc::bmc {

enum class SystemInfoParameter : u8 {
    set_in_progress = 0,
    firmware_version = 1,
    system_name = 2,
    primary_os_name = 3,
    os_name = 4, // volatile: gone with the next start of the machine
    os_version = 5,
    bmc_url = 6,
    manager_url = 7,
};

class SystemInfo {
  public:
    static constexpr std::size_t block_size = 16;
    static constexpr std::size_t text_size_max = 255;
    static constexpr u8 blocks_max = 17; // 2 + 255 bytes

    /// One 16-byte block as the command carries it; block 0 begins with encoding and length.
    ByteArray<block_size> block(SystemInfoParameter p, u8 index) const noexcept;

    void set_block(SystemInfoParameter p, u8 index, Bytes data);

    /// The whole text; empty when it was never written.
    std::string_view text(SystemInfoParameter p) const noexcept;

    void set_text(SystemInfoParameter p, std::string_view text);

    void erase(SystemInfoParameter p) noexcept;

    bool set_in_progress = false;

    void save(std::vector<u8>& out) const;
    bool load(Bytes saved);

    struct Text {
        SystemInfoParameter parameter{};
        u8 encoding = 0; // 0: ASCII + Latin-1, 1: UTF-8, 2: UNICODE
        std::string raw; // as long as was announced or written

        static void fields(auto& c, auto& r) {
            c.byte(r.parameter);
            c.byte(r.encoding);
            InlineBytes<text_size_max> bytes;
            bytes.assign(std::string_view(r.raw));
            c.counted(bytes);
            if constexpr (std::remove_reference_t<decltype(c)>::reading) {
                r.raw.assign(bytes.bytes().begin(), bytes.bytes().end());
            }
        }
    };

    static void fields(auto& c, auto& r) {
        u8 count = static_cast<u8>(r.texts_.size());
        c.byte(count);
        if constexpr (std::remove_reference_t<decltype(c)>::reading) {
            r.texts_.resize(std::min<u8>(count, 8));
        }
        for (auto& text : r.texts_) {
            c.nested(text);
        }
    }

  private:
    const Text* find(SystemInfoParameter p) const noexcept;
    Text& edit(SystemInfoParameter p);

    std::vector<Text> texts_;
};

} // namespace vbmc::bmc
