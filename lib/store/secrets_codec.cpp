#include "store/secrets_codec.h"

#include <utility>

namespace vbmc::store {

namespace {

void write_text(ByteWriter& writer, std::string_view text) {
    writer.write_u32(static_cast<u32>(text.size()));
    writer.write({reinterpret_cast<const u8*>(text.data()), text.size()}); // bytes as bytes
}

} // namespace

std::vector<u8> encode_secrets(const std::map<std::string, Secret>& secrets) {
    std::size_t size = 0;
    for (const auto& [name, value] : secrets) {
        size += 8 + name.size() + value.size();
    }
    std::vector<u8> out(size); // at once: a vector that grows would leave copies behind
    ByteWriter writer(out);
    for (const auto& [name, value] : secrets) {
        write_text(writer, name);
        write_text(writer, value.reveal());
    }
    return out;
}

std::optional<std::map<std::string, Secret>> decode_secrets(Bytes bytes) {
    std::map<std::string, Secret> secrets;
    ByteReader reader(bytes);
    while (reader.ok() && reader.remaining() > 0) {
        const Bytes name = reader.take(reader.read_u32());
        const Bytes value = reader.take(reader.read_u32());
        if (reader.ok()) {
            secrets.emplace(std::string(name.begin(), name.end()), Secret(value));
        }
    }
    if (!reader.ok()) {
        return std::nullopt;
    }
    return secrets;
}

} // namespace vbmc::store
