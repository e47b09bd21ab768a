#pragma once
// List filters: the subset of AIP-160 that the API promises. Pure and total: any text gives a
// filter or an error that says where, in bounded time and depth.
//
//     labels.rack = r1 AND (status.power = ON OR NOT status.state = RUNNING) AND name = "db-*"
//
// As AIP-160 has it, OR binds tighter than AND, and a blank between two terms is an AND. A word
// alone is a name; `*` in a value of = and != stands for anything; `:` is "contains", and on a map
// "has that key"; `field:*` is "is there".

#include "base/result.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::control {

struct FilterField {
    std::string_view name; // a name that ends in "." stands for a map's keys: "labels."
    bool ignore_case = false;
    bool whole_words = false; // `:` looks for the whole value: the keys of a map
};

/// What a filter is asked about.
class FilterSubject {
  public:
    virtual ~FilterSubject() = default;
    using Test = std::function<bool(std::string_view value)>;

    /// True when `test` holds for any value of the field; false when it has none.
    virtual bool any(std::string_view field, const Test& test) const = 0;
};

class Filter {
  public:
    /// Everything.
    Filter() = default;

    /// `fields` are those that may be named; `word` is the field that a word alone means.
    static Result<Filter>
    parse(std::string_view text, const std::vector<FilterField>& fields, std::string_view word);

    bool matches(const FilterSubject& subject) const;

    bool is_everything() const noexcept { return root_ == nullptr; }

    struct Node;

  private:
    std::shared_ptr<const Node> root_; // shared so that a filter can be copied into a coroutine
};

/// `*` in the pattern stands for any run of characters.
bool wildcard_match(std::string_view pattern, std::string_view text, bool ignore_case) noexcept;

} // namespace vbmc::control
