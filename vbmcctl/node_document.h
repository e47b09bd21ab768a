#pragma once
// Messages of the API as documents and back. A node's document has the members of a manifest, so
// that what `list -o yaml` writes is what `apply -f` reads.

#include "vbmc/v1/nodes.pb.h"
#include "vbmcctl/manifest.h"
#include "vbmcctl/output.h"

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <string>

namespace vbmc::ctl {

namespace api = vbmc::v1;

/// Everything that is known of the node.
Json node_document(const api::Node& node);

/// Only what a manifest says: without uid, etag and status.
Json wanted_document(const api::Node& node);

Json user_document(const api::User& user);
Json boot_document(const api::Boot& boot);

std::string power_text(api::PowerState state);        // "on", "off", "unknown"
std::string state_text(api::NodeStatus::State state); // "running", ...
std::string privilege_text(api::Privilege privilege);
std::string boot_device_text(api::BootDevice device); // "pxe", "none", ...
api::Privilege privilege_of(std::string_view text); // of parse_privilege()'s words; "": unspecified

double seconds_of(const google::protobuf::Duration& duration);
void set_seconds(google::protobuf::Duration& duration, double seconds);

/// RFC 3339, UTC, milliseconds.
std::string time_text(const google::protobuf::Timestamp& time);

/// "2026-11-20 17:24:25" of an RFC 3339 text, in local time: for tables.
std::string local_time_text(const std::string& rfc3339);

/// "127.0.0.1:623", "[::1]:623".
std::string endpoint_text(const std::string& address, unsigned port);

/// A node of a manifest as the API takes it.
api::Node to_message(const ManifestNode& node);
api::User to_message(const ManifestUser& user);

/// What apply would make of `current` (nullptr: new): absent members as the API says.
api::Node wanted_node(const ManifestNode& node, const api::Node* current);

Style power_style(const std::string& text);
Style state_style(const std::string& text);

} // namespace vbmc::ctl
