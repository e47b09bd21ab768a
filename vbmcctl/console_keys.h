#pragma once
// What is typed at a console: keys for the machine, and at the beginning of a line, behind the
// escape character, words to vbmcctl itself, as ssh and telnet have it. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace vbmc::ctl {

class ConsoleKeys {
  public:
    enum class Order { quit, send_break, help };

    struct Typed {
        std::string keys; // for the machine, before the orders
        std::vector<Order> orders;
    };

    /// '\0': no escapes, everything is for the machine.
    explicit ConsoleKeys(char escape) : escape_(escape) {}

    /// Up to and including the first order; `text` is cut to what remains.
    Typed take(std::string_view& text);

    std::string help() const;

  private:
    char escape_;
    bool line_begins_ = true;
    bool escaped_ = false;
};

} // namespace vbmc::ctl
