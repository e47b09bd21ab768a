#include "config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>

namespace vbmc::daemon {

namespace {

/// Thrown inside this file only: yaml-cpp reports by exception as well, one handler serves both.
struct BadConfig {
    int line;
    std::string key;
    std::string message;
};

int line_of(const YAML::Node& node) {
    return node.Mark().line + 1;
}

using Setter = std::function<void(const YAML::Node&)>;
using Keys = std::map<std::string, Setter>;

std::string known_keys(const Keys& keys) {
    std::string text;
    for (const auto& [name, setter] : keys) {
        text += (text.empty() ? "" : ", ") + name;
    }
    return text;
}

/// Calls the setter of each key of a mapping; a key that nobody knows is an error, not a typo lost.
void read_mapping(const YAML::Node& node, const std::string& where, const Keys& keys) {
    if (!node.IsMap()) {
        throw BadConfig{line_of(node), where, "must be a mapping of keys to values"};
    }
    for (const auto& item : node) {
        const auto key = item.first.as<std::string>();
        const auto found = keys.find(key);
        const std::string path = where.empty() ? key : where + "." + key;
        if (found == keys.end()) {
            throw BadConfig{
                line_of(item.first), path, "unknown key; known here: " + known_keys(keys)};
        }
        try {
            found->second(item.second);
        } catch (const YAML::RepresentationException&) {
            throw BadConfig{line_of(item.second), path, "the value has the wrong type"};
        } catch (BadConfig& bad) {
            if (bad.key.empty()) {
                bad.key = path;
            }
            throw;
        }
    }
}

[[noreturn]] void refuse(const YAML::Node& node, const std::string& message) {
    throw BadConfig{line_of(node), "", message};
}

Setter text(std::string& out) {
    return [&out](const YAML::Node& node) { out = node.as<std::string>(); };
}

Setter one_of(std::string& out, std::set<std::string> values) {
    return [&out, values = std::move(values)](const YAML::Node& node) {
        out = node.as<std::string>();
        if (!values.contains(out)) {
            std::string known;
            for (const std::string& value : values) {
                known += (known.empty() ? "" : ", ") + value;
            }
            refuse(node, "must be one of " + known);
        }
    };
}

template <class T>
Setter number(T& out, double min, double max) {
    return [&out, min, max](const YAML::Node& node) {
        const auto value = node.as<double>();
        if (std::is_integral_v<T> && value != std::floor(value)) {
            refuse(node, "must be a whole number");
        }
        if (!(value >= min && value <= max)) {
            refuse(
                node,
                "must be between " + std::to_string(static_cast<long long>(min)) + " and " +
                    std::to_string(static_cast<long long>(max))
            );
        }
        out = static_cast<T>(value);
    };
}

Setter ip_address(IpAddress& out) {
    return [&out](const YAML::Node& node) {
        const auto parsed = IpAddress::parse(node.as<std::string>());
        if (!parsed) {
            refuse(node, "must be an IPv4 or IPv6 address");
        }
        out = *parsed;
    };
}

Setter file_mode(u32& out) {
    return [&out](const YAML::Node& node) {
        const auto given = node.as<std::string>();
        const bool octal =
            !given.empty() && given.size() <= 4 &&
            std::all_of(given.begin(), given.end(), [](char c) { return c >= '0' && c <= '7'; });
        if (!octal) {
            refuse(node, "must be an octal mode such as 0660");
        }
        out = 0;
        for (const char digit : given) {
            out = out * 8 + static_cast<u32>(digit - '0');
        }
        if ((out & 07) != 0) {
            refuse(node, "must not let everybody in: the last digit has to be 0");
        }
    };
}

void each(const YAML::Node& node, const Setter& item) {
    if (!node.IsSequence()) {
        refuse(node, "must be a list");
    }
    for (const auto& entry : node) {
        item(entry);
    }
}

TlsListener read_listener(const YAML::Node& node) {
    TlsListener listener;
    read_mapping(
        node,
        "listen",
        {{"address", ip_address(listener.address)},
         {"port", number(listener.port, 1, 65535)},
         {"tls",
          [&](const YAML::Node& tls) {
              read_mapping(
                  tls,
                  "listen.tls",
                  {{"cert", text(listener.certificate)},
                   {"key", text(listener.key)},
                   {"ca", text(listener.client_ca)}}
              );
          }}}
    );
    if (listener.port == 0 || listener.certificate.empty() || listener.key.empty() ||
        listener.client_ca.empty()) {
        refuse(
            node,
            "a TCP listener needs address, port and tls with cert, key and ca (mutual TLS only)"
        );
    }
    return listener;
}

void read_roles(const YAML::Node& node, Config& config) {
    Keys keys;
    for (const char* role : {"admin", "operator", "viewer", "secrets"}) {
        keys[role] = [&config, role](const YAML::Node& list) {
            config.roles[role].clear();
            each(list, [&](const YAML::Node& who) {
                const auto name = who.as<std::string>();
                const std::string kind = name.substr(0, name.find(':'));
                if (!std::set<std::string>{"user", "uid", "group", "gid", "cn", "dns", "uri"}
                         .contains(kind) ||
                    name.size() <= kind.size() + 1) {
                    refuse(who, "must look like uid:0, group:vbmc-admin, cn:NAME or dns:NAME");
                }
                config.roles[role].push_back(name);
            });
        };
    }
    read_mapping(node, "roles", keys);
}

void read_pool(const YAML::Node& node, Config& config) {
    config.address_pool.clear();
    each(node, [&](const YAML::Node& entry) {
        const auto network = IpNetwork::parse(entry.as<std::string>());
        if (!network) {
            refuse(entry, "must be a network such as 10.1.0.0/22");
        }
        config.address_pool.push_back(*network);
    });
}

void read_metrics(const YAML::Node& node, Config& config) {
    config.metrics.address = IpAddress::v4(127, 0, 0, 1);
    read_mapping(
        node,
        "metrics",
        {{"address", ip_address(config.metrics.address)},
         {"port", number(config.metrics.port, 1, 65535)}}
    );
    if (!config.metrics.address.is_loopback()) {
        refuse(
            node,
            "the address must be a loopback one: to scrape from elsewhere, put a proxy that "
            "authenticates in front of it"
        );
    }
    if (config.metrics.port == 0) {
        refuse(node, "needs a port");
    }
}

Setter texts(
    std::vector<std::string>& out, const std::function<std::string(const std::string&)>& complaint
) {
    return [&out, complaint](const YAML::Node& node) {
        out.clear();
        each(node, [&](const YAML::Node& entry) {
            const auto value = entry.as<std::string>();
            if (const std::string wrong = complaint(value); !wrong.empty()) {
                refuse(entry, wrong);
            }
            out.push_back(value);
        });
    };
}

std::string no_directory(const std::string& text) {
    const bool good =
        text.size() > 1 && text.front() == '/' && text.find("..") == std::string::npos;
    return good ? "" : "must be the absolute path of a directory";
}

std::string no_pattern(const std::string& text) {
    const std::size_t star = text.find('*');
    const bool good = !text.empty() && (star == std::string::npos || star + 1 == text.size());
    return good ? "" : "must be a name, or the beginning of one and *";
}

void read_credentials(const YAML::Node& node, Config& c) {
    read_mapping(
        node,
        "credentials",
        {{"directories", texts(c.credential_directories, no_directory)},
         {"variables", texts(c.credential_variables, no_pattern)},
         {"names", texts(c.credential_names, no_pattern)}}
    );
}

Keys top_level(Config& c) {
    return {
        {"state-dir", text(c.state_dir)},
        {"database", text(c.database)},
        {"key-file", text(c.key_file)},
        {"socket",
         [&c](const YAML::Node& node) {
             read_mapping(
                 node,
                 "socket",
                 {{"path", text(c.socket_path)},
                  {"mode", file_mode(c.socket_mode)},
                  {"group", text(c.socket_group)}}
             );
         }},
        {"listen",
         [&c](const YAML::Node& node) {
             c.listen.clear();
             each(node, [&c](const YAML::Node& entry) {
                 c.listen.push_back(read_listener(entry));
             });
         }},
        {"metrics", [&c](const YAML::Node& node) { read_metrics(node, c); }},
        {"roles", [&c](const YAML::Node& node) { read_roles(node, c); }},
        {"credentials", [&c](const YAML::Node& node) { read_credentials(node, c); }},
        {"address-pool", [&c](const YAML::Node& node) { read_pool(node, c); }},
        {"default-address", ip_address(c.default_address)},
        {"ports",
         [&c](const YAML::Node& node) {
             read_mapping(
                 node,
                 "ports",
                 {{"first", number(c.port_first, 1, 65535)},
                  {"last", number(c.port_last, 1, 65535)}}
             );
             if (c.port_first > c.port_last) {
                 refuse(node, "first must not be above last");
             }
         }},
        {"nodes-max", number(c.nodes_max, 1, 1'000'000)},
        {"shards", number(c.shards, 0, 64)},
        {"receive-buffer", number(c.receive_buffer_bytes, 0, 1 << 30)},
        {"sensor-poll-interval", number(c.sensor_poll_s, 0, 86400)},
        {"poll-interval", number(c.poll_interval_s, 1, 86400)},
        {"log",
         [&c](const YAML::Node& node) {
             read_mapping(
                 node,
                 "log",
                 {{"level", one_of(c.log_level, {"debug", "info", "warn", "error"})},
                  {"target", one_of(c.log_target, {"auto", "stderr", "journal"})}}
             );
         }},
    };
}

Error config_error(const std::string& path, int line, const std::string& what) {
    return Error(
               ErrorCode::invalid_argument,
               "BAD_CONFIG",
               path + ":" + std::to_string(line) + ": " + what
    )
        .with_hint("see vbmcd.yaml(5)");
}

/// The file's text; why there is none is said, and a folder is no empty file.
Result<std::string> read_text(const std::string& path) {
    std::error_code ignored;
    const bool is_folder = std::filesystem::is_directory(path, ignored);
    std::ifstream file(path, std::ios::binary);
    if (is_folder || !file.is_open()) {
        const int why = is_folder ? EISDIR : errno;
        return Error(
                   ErrorCode::not_found,
                   "NO_CONFIG",
                   "cannot read the configuration file " + path + ": " + std::strerror(why)
        )
            .with_hint("see --config, VBMC_CONFIG and vbmcd.yaml(5)");
    }
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

} // namespace

std::string Config::database_path() const {
    return database.empty() ? state_dir + "/vbmcd.db" : database;
}

std::string Config::control_socket() const {
    return socket_path.empty() ? state_dir + "/vbmcd.sock" : socket_path;
}

Result<void> read_config_file(const std::string& path, Config& config) {
    Config read = config; // all of the file, or nothing of it
    try {
        const auto text = read_text(path);
        if (!text) {
            return text.error();
        }
        const YAML::Node root = YAML::Load(*text);
        if (!root.IsNull()) {
            read_mapping(root, "", top_level(read));
        }
    } catch (const BadConfig& bad) {
        return config_error(path, bad.line, (bad.key.empty() ? "" : bad.key + ": ") + bad.message);
    } catch (const YAML::Exception& error) {
        return config_error(path, error.mark.line + 1, error.msg);
    }
    config = std::move(read);
    return {};
}

std::optional<Level> parse_level(std::string_view text) {
    if (text == "debug") {
        return Level::debug;
    }
    if (text == "info") {
        return Level::info;
    }
    if (text == "warn") {
        return Level::warn;
    }
    if (text == "error") {
        return Level::error;
    }
    return std::nullopt;
}

} // namespace vbmc::daemon
