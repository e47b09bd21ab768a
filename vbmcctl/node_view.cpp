#include "vbmcctl/node_view.h"

#include "vbmcctl/node_document.h"
#include "vbmcctl/progress.h"
#include "vbmcctl/text.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace vbmc::ctl {

namespace {

class Lines {
  public:
    explicit Lines(bool color) : color_(color) {}

    void add(std::string_view key, const std::string& value, Style style = Style::plain) {
        if (!value.empty()) {
            std::string padded = "  " + std::string(key);
            padded.resize(std::max<std::size_t>(padded.size(), 14), ' ');
            text_ += padded + " " + styled(printable(value), style, color_) + "\n";
        }
    }

    void title(const std::string& text) {
        text_ += styled(printable(text), Style::bold, color_) + "\n";
    }

    std::string take() { return std::move(text_); }

  private:
    bool color_;
    std::string text_;
};

std::string member(const Json& document, std::string_view path) {
    const Json* value = find(document, path);
    return value == nullptr ? std::string() : text_of(*value);
}

std::string target_text(const Json& target) {
    std::string text = target.value("kind", "");
    if (target.contains("options")) {
        text += " (" + text_of(target["options"]) + ")";
    }
    if (target.contains("secret_options")) {
        text += ", secret: " + text_of(target["secret_options"]);
    }
    return text;
}

void add_targets(Lines& lines, const Json& document) {
    if (document.contains("backend")) {
        lines.add("backend", target_text(document["backend"]));
    }
    for (const Json& target : document.value("targets", Json::array())) {
        lines.add("target", target.value("name", "") + ": " + target_text(target));
    }
    lines.add("routes", member(document, "routes"));
    std::map<std::string, std::string> able; // target -> what it does
    std::string nobody;
    const Json* duties = find(document, "status.duties");
    for (const Json& duty : duties == nullptr ? Json::array() : *duties) {
        std::string& list = duty.value("able", false) ? able[duty.value("target", "")] : nobody;
        list += (list.empty() ? "" : ", ") + duty.value("capability", "");
    }
    for (const auto& [target, list] : able) {
        lines.add(able.size() == 1 ? "does" : target + " does", list);
    }
    lines.add("cannot", nobody);
}

void add_status(Lines& lines, const Json& document) {
    const std::string state = member(document, "status.state");
    lines.add("state", state, state_style(state));
    const std::string power = member(document, "status.power");
    std::string age;
    if (const Json* seconds = find(document, "status.power_age_s")) {
        age = ", seen " + duration_text(Duration(std::llround(seconds->get<double>() * 1e9))) +
              " ago";
    }
    lines.add("power", power + age, power_style(power));
    const std::string device = member(document, "status.boot.device");
    if (device != "none" && !device.empty()) {
        const bool persistent = member(document, "status.boot.persistent") == "true";
        const bool efi = member(document, "status.boot.efi") == "true";
        lines.add(
            "boot", device + (persistent ? ", always" : ", once") + (efi ? ", UEFI" : ", legacy")
        );
    }
}

void add_policy(Lines& lines, const Json& document) {
    const Json* policy = find(document, "policy");
    if (policy == nullptr) {
        return;
    }
    lines.add("suites", member(*policy, "cipher_suites"));
    lines.add("allow", member(*policy, "allow"));
    const std::string most = member(*policy, "privilege_max");
    lines.add("privilege", most == "administrator" ? "" : "at most " + most);
    lines.add("ipmi 1.5", member(*policy, "ipmi15") == "true" ? "yes" : "");
    lines.add("hide users", member(*policy, "hide_users") == "true" ? "yes" : "");
}

void add_conditions(Lines& lines, const Json& document) {
    const Json* conditions = find(document, "status.conditions");
    for (const Json& condition : conditions == nullptr ? Json::array() : *conditions) {
        if (!condition.value("ok", true)) {
            lines.add(
                "problem",
                condition.value("message", "") + " (" + condition.value("reason", "") + ", since " +
                    local_time_text(condition.value("since", "")) + ")",
                Style::bad
            );
        } else if (condition.value("type", "") == "KgSet") {
            lines.add("K_g", condition.value("message", ""));
        }
    }
    const std::string last = member(document, "status.last_error");
    lines.add("last error", last, Style::warning);
}

} // namespace

std::string node_view(const Json& document, bool color) {
    Lines lines(color);
    lines.title(document.value("name", ""));
    lines.add("endpoint", endpoint_text(document.value("address", ""), document.value("port", 0U)));
    add_status(lines, document);
    add_targets(lines, document);
    lines.add("source", member(document, "source"));
    lines.add("labels", member(document, "labels"));
    lines.add("annotations", member(document, "annotations"));
    add_policy(lines, document);
    lines.add("sessions", member(document, "status.sessions"));
    const std::string dropped = member(document, "status.packets_dropped");
    lines.add(
        "packets",
        member(document, "status.packets_in") + (dropped == "0" ? "" : ", " + dropped + " dropped")
    );
    lines.add("enabled", document.value("enabled", true) ? "" : "no: it stays stopped");
    for (const Json& user : document.value("users", Json::array())) {
        std::string password;
        if (user.contains("password") || user.contains("password_hex")) {
            password =
                ", password " + user.value("password", "0x" + user.value("password_hex", ""));
        }
        lines.add(
            "user", user.value("name", "") + " (" + user.value("privilege", "") + ")" + password
        );
    }
    lines.add("kg", member(document, "kg"));
    const std::string hex = member(document, "kg_hex");
    lines.add("kg", hex.empty() ? "" : "0x" + hex);
    lines.add("uid", member(document, "uid"));
    add_conditions(lines, document);
    return lines.take();
}

std::vector<std::string> ipmitool_words(const Json& document, const std::string& user) {
    // -C, so that versions before 1.8.19, which begin with suite 3, meet a node that refuses it.
    std::string suite = "17";
    const Json* suites = find(document, "policy.cipher_suites");
    if (suites != nullptr && !suites->empty() &&
        std::find(suites->begin(), suites->end(), 17) == suites->end()) {
        suite = suites->front().dump();
    }
    std::string address = document.value("address", "");
    if (address == "::" || address == "0.0.0.0") { // all of vbmcd's machine: seen from there
        address = "127.0.0.1";
    }
    return {
        "-I",
        "lanplus",
        "-H",
        address,
        "-p",
        std::to_string(document.value("port", 0U)),
        "-U",
        user,
        "-C",
        suite};
}

std::string shell_line(const std::vector<std::string>& words) {
    static constexpr std::string_view safe =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=.,:/@%";
    std::vector<std::string> quoted;
    for (const std::string& word : words) {
        if (!word.empty() && word.find_first_not_of(safe) == std::string::npos) {
            quoted.push_back(word);
            continue;
        }
        std::string out = "'";
        for (const char c : word) {
            out += c == '\'' ? std::string("'\\''") : std::string(1, c);
        }
        quoted.push_back(out + "'");
    }
    return join(quoted, " ");
}

} // namespace vbmc::ctl
