#include "bmc/system_info.h"

#include "bmc/record.h"

namespace vbmc::bmc {

namespace {

constexpr u8 record_version = 1;
constexpr std::size_t header_size = 2; // in block 0: encoding, length
constexpr std::size_t texts_max = 7;   // parameters 1-7

} // namespace

const SystemInfo::Text* SystemInfo::find(SystemInfoParameter p) const noexcept {
    const auto at = std::find_if(texts_.begin(), texts_.end(), [p](const Text& text) {
        return text.parameter == p;
    });
    return at != texts_.end() ? &*at : nullptr;
}

SystemInfo::Text& SystemInfo::edit(SystemInfoParameter p) {
    const auto at = std::find_if(texts_.begin(), texts_.end(), [p](const Text& text) {
        return text.parameter == p;
    });
    if (at != texts_.end()) {
        return *at;
    }
    texts_.push_back(Text{.parameter = p, .encoding = 0, .raw = {}});
    return texts_.back();
}

ByteArray<SystemInfo::block_size>
SystemInfo::block(SystemInfoParameter p, u8 index) const noexcept {
    ByteArray<block_size> out{};
    const Text* text = find(p);
    if (text == nullptr) {
        return out;
    }
    ByteWriter writer(out);
    std::size_t from = 0;
    if (index == 0) {
        writer.write_u8(text->encoding);
        writer.write_u8(static_cast<u8>(text->raw.size()));
    } else {
        from = index * block_size - header_size;
    }
    for (; from < text->raw.size() && writer.remaining() > 0; ++from) {
        writer.write_u8(static_cast<u8>(text->raw[from]));
    }
    return out;
}

void SystemInfo::set_block(SystemInfoParameter p, u8 index, Bytes data) {
    Text& text = edit(p);
    std::size_t to = 0;
    if (index == 0) {
        ByteReader reader(data);
        text.encoding = static_cast<u8>(reader.read_u8() & 0x0f);
        const u8 length = reader.read_u8();
        text.raw.assign(length, '\0');
        data = reader.take_rest();
    } else {
        to = index * block_size - header_size;
    }
    for (const u8 byte : data) {
        if (to >= text.raw.size()) {
            break; // block 0 said how long the text is
        }
        text.raw[to++] = static_cast<char>(byte);
    }
}

std::string_view SystemInfo::text(SystemInfoParameter p) const noexcept {
    const Text* text = find(p);
    return text != nullptr ? std::string_view(text->raw) : std::string_view();
}

void SystemInfo::set_text(SystemInfoParameter p, std::string_view text) {
    Text& slot = edit(p);
    slot.encoding = 1;
    slot.raw = text.substr(0, text_size_max);
}

void SystemInfo::erase(SystemInfoParameter p) noexcept {
    std::erase_if(texts_, [p](const Text& text) { return text.parameter == p; });
}

void SystemInfo::save(std::vector<u8>& out) const {
    SystemInfo kept = *this;
    kept.erase(SystemInfoParameter::os_name);
    append_record(out, record_version, kept);
}

bool SystemInfo::load(Bytes saved) {
    auto read = read_record<SystemInfo>(saved, record_version);
    if (!read || read->texts_.size() > texts_max) {
        return false;
    }
    texts_ = std::move(read->texts_);
    return true;
}

} // namespace vbmc::bmc
