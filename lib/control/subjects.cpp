#include "control/subjects.h"

#include "control/convert.h"

#include <algorithm>

namespace vbmc::control {

namespace {

using Map = std::map<std::string, std::string>;
using Test = FilterSubject::Test;

/// `field` is PREFIX.KEY.
bool any_in_map(const Map& map, std::string_view field, std::string_view prefix, const Test& test) {
    const auto found = map.find(std::string(field.substr(prefix.size())));
    return found != map.end() && test(found->second);
}

bool any_key(const Map& map, const Test& test) {
    return std::ranges::any_of(map, [&test](const auto& entry) { return test(entry.first); });
}

const std::vector<FilterField> node_fields = {
    {"name"},
    {"uid"},
    {"labels.", false, false},
    {"labels", false, true},
    {"annotations.", false, false},
    {"annotations", false, true},
    {"status.state", true},
    {"status.power", true},
    {"backend"},
    {"enabled", true},
    {"endpoint.address"},
    {"endpoint.port"},
};

class NodeSubject final : public FilterSubject {
  public:
    explicit NodeSubject(const fleet::NodeView& node) : node_(node) {}

    bool any(std::string_view field, const Test& test) const override {
        const fleet::NodeSpec& spec = node_.spec;
        if (field.starts_with("labels.")) {
            return any_in_map(spec.labels, field, "labels.", test);
        }
        if (field.starts_with("annotations.")) {
            return any_in_map(spec.annotations, field, "annotations.", test);
        }
        if (field == "labels" || field == "annotations") {
            return any_key(field == "labels" ? spec.labels : spec.annotations, test);
        }
        if (field == "backend") {
            return std::ranges::any_of(spec.targets, [&test](const auto& t) {
                return test(t.kind);
            });
        }
        return test(text_of(field));
    }

  private:
    std::string text_of(std::string_view field) const {
        const fleet::NodeSpec& spec = node_.spec;
        if (field == "name") {
            return spec.name;
        }
        if (field == "uid") {
            return spec.uid;
        }
        if (field == "status.state") {
            return std::string(state_name(node_.status.state));
        }
        if (field == "status.power") {
            return std::string(power_name(node_.status.power));
        }
        if (field == "enabled") {
            return spec.enabled ? "true" : "false";
        }
        return field == "endpoint.port" ? std::to_string(spec.port) : spec.address.to_string();
    }

    const fleet::NodeView& node_;
};

const std::vector<FilterField> event_fields = {
    {"node"},
    {"kind", true},
    {"who"},
    {"message", true},
    {"fields.", false, false},
    {"fields", false, true},
};

class EventSubject final : public FilterSubject {
  public:
    explicit EventSubject(const fleet::Event& event) : event_(event) {}

    bool any(std::string_view field, const Test& test) const override {
        if (field.starts_with("fields.")) {
            return any_in_map(event_.fields, field, "fields.", test);
        }
        if (field == "fields") {
            return any_key(event_.fields, test);
        }
        if (field == "kind") {
            return test(event_kind_name(event_.kind));
        }
        return test(field == "node" ? event_.node : field == "who" ? event_.who : event_.message);
    }

  private:
    const fleet::Event& event_;
};

} // namespace

Result<Filter> parse_node_filter(std::string_view text, const char* field) {
    auto filter = Filter::parse(text, node_fields, "name");
    if (!filter) {
        return filter.error().with_field(field);
    }
    return filter;
}

bool matches(const Filter& filter, const fleet::NodeView& node) {
    return filter.is_everything() || filter.matches(NodeSubject(node));
}

Result<Filter> parse_event_filter(std::string_view text) {
    return Filter::parse(text, event_fields, "node");
}

bool matches(const Filter& filter, const fleet::Event& event) {
    return filter.is_everything() || filter.matches(EventSubject(event));
}

} // namespace vbmc::control
