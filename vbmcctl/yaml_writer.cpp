#include "vbmcctl/output.h"
#include "vbmcctl/text.h"

#include <algorithm>
#include <array>

namespace vbmc::ctl {

namespace {

/// Words that YAML 1.1 or 1.2 readers take for something other than text.
bool is_reserved(std::string_view text) {
    static constexpr std::array<std::string_view, 11> words = {
        "true", "false", "yes", "no", "on", "off", "null", "y", "n", "~", ".nan"};
    const std::string lower = to_lower(text);
    return std::find(words.begin(), words.end(), lower) != words.end();
}

bool is_plain_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/';
}

/// Text that every reader takes as the same text without quotes: cautious, not exhaustive.
bool is_plain(std::string_view text) {
    if (text.empty() || !is_plain_letter(text.front()) || is_reserved(text)) {
        return false;
    }
    if (text.back() == ':' || text.back() == ' ' || text.find(": ") != std::string_view::npos ||
        text.find(" #") != std::string_view::npos) {
        return false;
    }
    return std::all_of(text.begin(), text.end(), [](char c) {
        return is_plain_letter(c) || (c >= '0' && c <= '9') ||
               std::string_view(" .:+-@=%").find(c) != std::string_view::npos;
    });
}

/// "192.0.2.1": digits with more than one dot are no number to any reader.
bool is_dotted(std::string_view text) {
    return std::count(text.begin(), text.end(), '.') >= 2 &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return c == '.' || (c >= '0' && c <= '9');
           });
}

std::string scalar(const Json& value) {
    if (!value.is_string()) {
        return value.dump();
    }
    const auto& text = value.get_ref<const std::string&>();
    if (is_plain(text) || is_dotted(text)) {
        return text;
    }
    // A JSON string is a YAML double-quoted scalar.
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

bool is_block(const Json& value) {
    return value.is_structured() && !value.empty();
}

std::string empty_or_scalar(const Json& value) {
    if (value.is_object()) {
        return "{}";
    }
    return value.is_array() ? "[]" : scalar(value);
}

void write_block(std::string& out, const Json& value, std::size_t indent);

void write_object(std::string& out, const Json& object, std::size_t indent, bool first_inline) {
    bool pad = !first_inline;
    for (const auto& [key, value] : object.items()) {
        if (pad) {
            out.append(indent, ' ');
        }
        pad = true;
        out += scalar(Json(key)) + ":";
        if (is_block(value)) {
            out += "\n";
            write_block(out, value, value.is_object() ? indent + 2 : indent);
        } else {
            out += " " + empty_or_scalar(value) + "\n";
        }
    }
}

void write_block(std::string& out, const Json& value, std::size_t indent) {
    if (value.is_object()) {
        write_object(out, value, indent, false);
        return;
    }
    for (const Json& item : value) {
        out.append(indent, ' ');
        out += "- ";
        if (item.is_object() && !item.empty()) {
            write_object(out, item, indent + 2, true);
        } else if (is_block(item)) {
            out += "\n";
            write_block(out, item, indent + 2);
        } else {
            out += empty_or_scalar(item) + "\n";
        }
    }
}

} // namespace

std::string to_yaml(const Json& document) {
    if (!is_block(document)) {
        return empty_or_scalar(document) + "\n";
    }
    std::string out;
    write_block(out, document, 0);
    return out;
}

} // namespace vbmc::ctl
