#pragma once
// Prometheus's text format, written by hand: a scrape is one string, and nothing is kept between
// scrapes. Pure.

#include "base/bytes.h"

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

namespace vbmc::control {

class MetricsText {
  public:
    using Label = std::pair<std::string_view, std::string_view>;
    using Labels = std::initializer_list<Label>;

    /// Opens a family; its samples follow. `type` is "counter", "gauge" or "histogram".
    void family(std::string_view name, std::string_view type, std::string_view help);

    /// Of the family that was opened last; `suffix` is "_bucket", "_sum", "_count" of a histogram.
    void sample(Labels labels, double value, std::string_view suffix = {});
    void sample(Labels labels, u64 value, std::string_view suffix = {});

    void sample(double value) { sample(Labels{}, value); }

    void sample(u64 value) { sample(Labels{}, value); }

    std::string take() { return std::move(text_); }

  private:
    void head(Labels labels, std::string_view suffix);

    std::string text_;
    std::string name_;
};

} // namespace vbmc::control
