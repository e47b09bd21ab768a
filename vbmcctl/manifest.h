#pragma once
// The fleet as YAML says it: what `apply -f` and `diff -f` read and `list -o yaml` writes. Plain
// data; every mistake is reported with its file and line, all of them at once.

#include "base/result.h"
#include "base/secret.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace vbmc::ctl {

struct ManifestTarget {
    std::string name; // empty: "main"
    std::string kind;
    std::map<std::string, std::string> options;
};

struct ManifestUser {
    std::uint32_t id = 0;
    std::string name;
    Secret password;           // empty: keep the one there is
    std::string password_file; // relative to the manifest's folder
    std::string privilege;     // empty: administrator, or as it was
    std::optional<bool> enabled;
    int line = 0;
};

struct ManifestPolicy {
    std::vector<std::uint32_t> cipher_suites;
    bool ipmi15 = false;
    bool hide_users = false;
    std::vector<std::string> allow;
    std::string privilege_max;
    std::optional<double> confirm_window_s;
    std::optional<double> fresh_for_s;
    std::optional<double> stale_after_s;
};

struct ManifestNode {
    std::string name;
    std::string etag;                  // only `edit` looks at it
    std::string address;               // empty: not said; "auto"
    std::optional<std::uint32_t> port; // 0: auto
    std::vector<ManifestTarget> targets;
    std::map<std::string, std::string> routes;
    std::map<std::string, std::string> labels;
    std::map<std::string, std::string> annotations;
    std::vector<ManifestUser> users;
    std::optional<ManifestPolicy> policy;
    std::optional<bool> enabled;

    std::string file;
    int line = 0;
    std::map<std::string, int> lines; // of its members, for errors that vbmcd finds

    /// "fleet.yaml:12", of the member that a field path of the API is about, or of the node.
    std::string where(std::string_view field = {}) const;
};

struct Manifest {
    std::vector<ManifestNode> nodes;
    std::vector<Error> errors; // each message begins with "FILE:LINE: "

    void append(Manifest other);
};

/// `file` is how messages name the text.
Manifest parse_manifest(std::string_view text, const std::string& file);

/// Files, folders (their *.yaml, *.yml and *.json, by name) and "-" for standard input. Names that
/// occur twice are errors.
Manifest load_manifests(const std::vector<std::string>& paths);

/// Reads the password files that users name.
void read_password_files(Manifest& manifest);

/// The privilege levels that a manifest and options know: as written out, or their short form.
Result<std::string> parse_privilege(std::string_view text);

} // namespace vbmc::ctl
