#include "control/metrics_text.h"

#include <array>
#include <charconv>

namespace vbmc::control {

namespace {

/// In a label's value and in a help text; a quote is special in the former only, and harmless in
/// the latter.
void escape(std::string& out, std::string_view text, bool quotes) {
    for (const char c : text) {
        if (c == '\\') {
            out += "\\\\";
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '"' && quotes) {
            out += "\\\"";
        } else {
            out += c;
        }
    }
}

template <class T>
void number(std::string& out, T value) {
    std::array<char, 32> text{};
    const auto done = std::to_chars(text.data(), text.data() + text.size(), value);
    out.append(text.data(), done.ptr);
}

} // namespace

void MetricsText::family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_.append("# HELP ").append(name).append(" ");
    escape(text_, help, false);
    text_.append("\n# TYPE ").append(name).append(" ").append(type).append("\n");
}

void MetricsText::head(Labels labels, std::string_view suffix) {
    text_.append(name_).append(suffix);
    char before = '{';
    for (const auto& [name, value] : labels) {
        text_ += before;
        text_.append(name).append("=\"");
        escape(text_, value, true);
        text_ += '"';
        before = ',';
    }
    text_.append(labels.size() == 0 ? " " : "} ");
}

void MetricsText::sample(Labels labels, double value, std::string_view suffix) {
    head(labels, suffix);
    number(text_, value);
    text_ += '\n';
}

void MetricsText::sample(Labels labels, u64 value, std::string_view suffix) {
    head(labels, suffix);
    number(text_, value);
    text_ += '\n';
}

} // namespace vbmc::control
