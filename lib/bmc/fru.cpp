#include "bmc/fru.h"

#include <algorithm>
#include <string_view>

namespace vbmc::bmc {

namespace {

constexpr u8 saved_version = 1;
constexpr std::size_t text_max = 48;
constexpr u8 format_version = 0x01;
constexpr u8 end_of_fields = 0xc1;
constexpr u8 language_english = 0x00;
constexpr u8 chassis_type_other = 0x01;

u8 checksum(Bytes bytes) noexcept {
    unsigned sum = 0;
    for (const u8 byte : bytes) {
        sum += byte;
    }
    return static_cast<u8>(0U - sum);
}

/// A type/length byte and 8-bit text (§13), in two pieces. What is not printable ASCII becomes '?':
/// names come from backends. One character alone would read as the end mark.
void write_text(ByteWriter& out, std::string_view text, std::string_view more = {}) {
    text = text.substr(0, text_max);
    more = more.substr(0, text_max - text.size());
    const std::size_t wanted = text.size() + more.size();
    const std::size_t size = wanted == 1 ? 2 : wanted;
    out.write_u8(static_cast<u8>(0xc0 | size));
    for (const std::string_view piece : {text, more}) {
        for (const char c : piece) {
            out.write_u8(c >= 0x20 && c < 0x7f ? static_cast<u8>(c) : u8{'?'});
        }
    }
    out.fill(' ', size - wanted);
}

/// One area: version, length in units of 8, what `body` writes, the end mark, padding and checksum.
/// Its offset in units of 8.
template <class Body>
u8 write_area(ByteWriter& out, Body body) {
    const std::size_t start = out.size();
    const MutableBytes head = out.claim(2);
    body(out);
    out.write_u8(end_of_fields);
    const std::size_t used = out.size() - start;
    out.fill(0, (8 - (used + 1) % 8) % 8);
    head[0] = format_version;
    head[1] = static_cast<u8>((out.size() + 1 - start) / 8);
    out.write_u8(checksum(out.written().subspan(start)));
    return static_cast<u8>(start / 8);
}

/// What the areas say; views of the config, of what was seen, and of the texts beside them.
struct Names {
    std::string_view manufacturer;
    std::string_view product;
    std::string_view serial;
    std::string_view asset_tag;
    std::array<char, 36> uuid_text;
    std::array<char, 6> version_text; // " 1.05": of the controller

    std::string_view uuid() const noexcept { return {uuid_text.data(), uuid_text.size()}; }

    std::string_view version() const noexcept {
        const std::string_view whole(version_text.data(), version_text.size());
        return whole.substr(whole[1] == ' ' ? 1 : 0);
    }
};

std::string_view or_else(std::string_view text, std::string_view otherwise) noexcept {
    return text.empty() ? otherwise : text;
}

/// The minor number is BCD.
std::array<char, 6> version_of(const Config& config) noexcept {
    const auto digit = [](unsigned value) { return static_cast<char>('0' + value % 10); };
    const unsigned major = config.firmware_major;
    const unsigned minor = config.firmware_minor_bcd;
    return {
        ' ',
        major < 10 ? ' ' : digit(major / 10),
        digit(major),
        '.',
        digit(minor >> 4),
        digit(minor & 0x0f),
    };
}

Names names_of(const Config& config, const Identity& seen) {
    Names names{};
    names.uuid_text = guid_text(config.guid);
    names.version_text = version_of(config);
    names.manufacturer = or_else(seen.manufacturer(), config.firmware_product);
    names.product = or_else(seen.product(), "Managed node");
    names.serial = seen.serial(); // empty: the UUID
    names.asset_tag = seen.asset_tag();
    return names;
}

void write_chassis(ByteWriter& out, const Names& names) {
    out.write_u8(chassis_type_other);
    write_text(out, ""); // part number
    write_text(out, or_else(names.serial, names.uuid()));
}

/// The board is the controller itself.
void write_board(ByteWriter& out, const Config& config, const Names& names) {
    out.write_u8(language_english);
    out.write_u24(0); // manufacturing date: unspecified
    write_text(out, config.firmware_product);
    write_text(out, "Virtual BMC");
    write_text(out, names.uuid());
    write_text(out, config.firmware_product, names.version());
    write_text(out, ""); // FRU file id
}

/// The product is the node.
void write_product(ByteWriter& out, const Config& config, const Names& names) {
    out.write_u8(language_english);
    write_text(out, names.manufacturer);
    write_text(out, names.product);
    write_text(out, ""); // part or model number
    write_text(out, ""); // version
    write_text(out, or_else(names.serial, names.uuid()));
    write_text(out, names.asset_tag);
    write_text(out, ""); // FRU file id
    write_text(out, "Name: ", config.name);
    write_text(out, "UUID: ", names.uuid());
}

ByteArray<Fru::size> make_image(const Config& config, const Identity& seen) {
    const Names names = names_of(config, seen);
    ByteArray<Fru::size> image{};
    ByteWriter out(image);
    const MutableBytes header = out.claim(8);
    header[0] = format_version;
    header[1] = 0; // no internal use area
    header[2] = write_area(out, [&](ByteWriter& area) { write_chassis(area, names); });
    header[3] = write_area(out, [&](ByteWriter& area) { write_board(area, config, names); });
    header[4] = write_area(out, [&](ByteWriter& area) { write_product(area, config, names); });
    header[5] = 0; // no multi-record area
    header[7] = checksum(Bytes(header).first(7));
    return image;
}

} // namespace

void Fru::mirror(Bytes image) {
    if (image.empty() || image.size() > size) {
        return;
    }
    mirrored_ = std::make_unique<ByteArray<size>>();
    std::copy(image.begin(), image.end(), mirrored_->begin());
}

ByteArray<Fru::size> Fru::image(const Config& config) const {
    if (written_) {
        return *written_;
    }
    return mirrored_ ? *mirrored_ : make_image(config, identity_);
}

void Fru::read(const Config& config, std::size_t offset, MutableBytes out) const {
    const ByteArray<size> whole = image(config);
    const Bytes part = Bytes(whole).subspan(offset, out.size());
    std::copy(part.begin(), part.end(), out.begin());
}

void Fru::write(const Config& config, std::size_t offset, Bytes data) {
    if (!written_) {
        written_ = std::make_unique<ByteArray<size>>(image(config));
    }
    const MutableBytes part = MutableBytes(*written_).subspan(offset, data.size());
    std::copy(data.begin(), data.end(), part.begin());
}

void Fru::observe(const IdentitySeen& seen) {
    identity_ = Identity(seen);
}

void Fru::save(std::vector<u8>& out) const {
    out.push_back(saved_version);
    if (written_) {
        out.insert(out.end(), written_->begin(), written_->end());
    }
}

bool Fru::load(Bytes saved) {
    if (saved.empty() || saved.front() != saved_version) {
        return false;
    }
    const Bytes image = saved.subspan(1);
    if (image.empty()) {
        written_.reset();
        return true;
    }
    if (image.size() != size) {
        return false;
    }
    written_ = std::make_unique<ByteArray<size>>();
    std::copy(image.begin(), image.end(), written_->begin());
    return true;
}

std::array<char, 36> guid_text(const ByteArray<16>& guid) noexcept {
    static constexpr std::string_view digits = "0123456789abcdef";
    std::array<char, 36> text{};
    std::size_t at = 0;
    for (std::size_t i = 0; i < guid.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text[at++] = '-';
        }
        const u8 byte = guid[guid.size() - 1 - i];
        text[at++] = digits[byte >> 4];
        text[at++] = digits[byte & 0x0f];
    }
    return text;
}

} // namespace vbmc::bmc
