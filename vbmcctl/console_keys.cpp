#include "vbmcctl/console_keys.h"

namespace vbmc::ctl {

ConsoleKeys::Typed ConsoleKeys::take(std::string_view& text) {
    Typed typed;
    while (!text.empty() && typed.orders.empty()) {
        const char key = text.front();
        text.remove_prefix(1);
        if (escaped_) {
            escaped_ = false;
            if (key == '.') {
                typed.orders.push_back(Order::quit);
                continue;
            }
            if (key == 'B' || key == 'b') {
                typed.orders.push_back(Order::send_break);
                continue;
            }
            if (key == '?') {
                typed.orders.push_back(Order::help);
                continue;
            }
            if (key != escape_) {
                typed.keys += escape_; // it was no escape after all
            }
        } else if (line_begins_ && escape_ != '\0' && key == escape_) {
            escaped_ = true;
            continue;
        }
        typed.keys += key;
        line_begins_ = key == '\r' || key == '\n';
    }
    return typed;
}

std::string ConsoleKeys::help() const {
    if (escape_ == '\0') {
        return "no escapes";
    }
    const std::string e(1, escape_);
    return e + ". ends, " + e + "B sends a break, " + e + e + " is " + e + ", " + e +
           "? is this; at the beginning of a line";
}

} // namespace vbmc::ctl
