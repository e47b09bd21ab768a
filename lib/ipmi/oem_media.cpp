#include "ipmi/oem_media.h"

#include <algorithm>
#include <string_view>

namespace vbmc::ipmi {

using bmc::Bmc;

namespace {

constexpr u8 host_selector = 0;
constexpr u8 path_selector = 1;
constexpr u8 last_selector = 3; // 2 user, 3 password
constexpr u8 inserted = 0x00;
constexpr u8 not_inserted = 0x01;

bool has_media(const Bmc& bmc) noexcept {
    return bmc.config.capabilities.media;
}

/// Up to the first null byte; nullopt when it is not plain text.
std::optional<std::string> text_of(Bytes data) {
    const Bytes text =
        data.first(static_cast<std::size_t>(std::find(data.begin(), data.end(), 0) - data.begin()));
    const bool plain =
        std::all_of(text.begin(), text.end(), [](u8 c) { return c >= 0x20 && c != 0x7f; });
    if (!plain) {
        return std::nullopt;
    }
    return std::string(text.begin(), text.end());
}

/// A client may name what the network or the image library has, never a file of the daemon's host.
bool is_allowed(std::string_view image) noexcept {
    const auto starts = [image](std::string_view scheme) {
        return image.substr(0, scheme.size()) == scheme;
    };
    const bool is_name = image.find_first_of("/\\:") == std::string_view::npos;
    return is_name || starts("https://") || starts("http://") || starts("nfs://");
}

CompletionCode set_image(bmc::VirtualMedia& media, Bytes data) {
    if (data.empty()) {
        return CompletionCode::invalid_length;
    }
    const bool is_part = data[0] <= last_selector;
    auto text = text_of(is_part ? data.subspan(1) : data);
    if (!text || text->size() > bmc::VirtualMedia::text_size_max) {
        return CompletionCode::invalid_data_field;
    }
    if (!is_part) {
        media.set_image(std::move(*text));
    } else if (data[0] == host_selector) {
        media.set_host(std::move(*text));
    } else if (data[0] == path_selector) {
        media.set_path(std::move(*text));
    } else if (!text->empty()) {
        return CompletionCode::invalid_data_field; // a share with a password is not for us to open
    }
    return CompletionCode::ok;
}

} // namespace

Reply<Nothing> handle(Bmc& bmc, const Context&, const UnsetMediaImage::Request&) {
    if (!has_media(bmc)) {
        return CompletionCode::invalid_command;
    }
    bmc.media.forget();
    bmc.outbox.emplace_back(bmc::EjectMedia{});
    return Nothing{};
}

Reply<Nothing> handle(Bmc& bmc, const Context&, const SetMediaImage::Request& request) {
    if (!has_media(bmc)) {
        return CompletionCode::invalid_command;
    }
    const auto code = set_image(bmc.media, request.data);
    if (code != CompletionCode::ok) {
        return code;
    }
    return Nothing{};
}

Reply<Nothing> handle(Bmc& bmc, const Context&, const StartMedia::Request&) {
    if (!has_media(bmc)) {
        return CompletionCode::invalid_command;
    }
    const std::string image = bmc.media.image();
    if (image.empty()) {
        return CompletionCode::not_supported_in_state; // set one first
    }
    if (!is_allowed(image)) {
        return CompletionCode::invalid_data_field;
    }
    bmc.outbox.emplace_back(bmc::InsertMedia{.image = image, .writable = false});
    return Nothing{};
}

Reply<GetMediaStatus::Response> handle(Bmc& bmc, const Context&, const GetMediaStatus::Request&) {
    if (!has_media(bmc)) {
        return CompletionCode::invalid_command;
    }
    return GetMediaStatus::Response{.status = bmc.media.inserted ? inserted : not_inserted};
}

} // namespace vbmc::ipmi
