#pragma once
// Clouds as rows of a table: where a machine's state stands in a reply, which call presses which
// button, how a list is paged. The next cloud is a row in providers.cpp, not a class. Immutable.

#include "bmc/power_types.h"
#include "net/http.h"

#include <map>
#include <span>
#include <string>
#include <string_view>

namespace vbmc::backend::metal {

enum class Auth : u8 {
    x_auth_token,  // X-Auth-Token: TOKEN
    authorization, // Authorization: TOKEN
    bearer,        // Authorization: Bearer TOKEN
    oauth2,        // client credentials (RFC 6749 §4.4), then bearer
};

/// Words of the API and what they say of the power. Words that are not here say nothing.
struct StateRow {
    std::string_view word;
    bmc::PowerState state;
};

/// A call with places in braces to be filled in: {id} {project} {zone} in the path,
/// {url} {image} in the body, {page} {cursor} in a list's path, {action} in one's progress. An
/// empty path: there is no such call.
struct Call {
    net::HttpMethod method = net::HttpMethod::post;
    std::string_view path = {};
    std::string_view body = {};

    bool exists() const noexcept { return !path.empty(); }
};

enum class Paging : u8 {
    none,
    pages,  // {page} counts from 1 until a page is not full
    cursor, // {cursor} is what the last page told at `next`
};

/// Where things stand in a machine's description, as paths of names and indices ("/plan/name").
struct Fields {
    std::string_view id = "/id";
    std::string_view state = "/state";
    std::string_view name = "/hostname";
    std::string_view product = {};
    std::string_view serial = {};
    std::string_view place = {};
    std::string_view project = {}; // its last segment, when it is a path
    std::string_view tags = {};    // a list of words or of {name, value}, or an object
};

struct Provider {
    std::string_view name;  // the option's value
    std::string_view title; // for people
    std::string_view url;   // the default
    std::string_view token_url = {};
    Auth auth = Auth::bearer;
    bool needs_zone = false;

    std::string_view get;           // the path of one machine
    std::string_view item;          // where it stands in the reply; empty: it is the reply
    std::string_view identity = {}; // the path that tells its name, when `get` does not
    Fields fields = {};
    std::span<const StateRow> states = {};
    bool tells_power = true; // false: what the machine was told is all that can be known

    Call on = {};
    Call off = {};
    Call reset = {};
    Call soft = {};
    Call boot_network = {};     // until told otherwise, from the script that is set already
    Call boot_network_url = {}; // the same, from the script {url}
    Call boot_disk = {};
    Call insert = {}; // {image}
    Call eject = {};
    bool image_is_url = true;
    std::string_view progress = {}; // the path that tells how {action}, a reply's, gets on

    std::string_view list = {};
    std::string_view list_items = {};
    Paging paging = Paging::none;
    unsigned page_size = 0;
    std::string_view next = {};
    bool list_tells_power = true;

    std::string_view health = {}; // a path; the word stands at `health_field`
    std::string_view health_field = {};
    std::string_view events = {}; // a project's, newest first

    std::string_view reset_header = {}; // when calls are allowed again, in Unix seconds
    std::string_view remaining_header = {};
    std::string_view portal = {}; // where a person makes a token
};

std::span<const Provider> providers();

/// nullptr when there is none.
const Provider* find_provider(std::string_view name);

/// What to fill in. Values are escaped for where they go.
using Places = std::map<std::string_view, std::string>;

std::string fill_path(std::string_view form, const Places& places);
std::string fill_body(std::string_view form, const Places& places);

} // namespace vbmc::backend::metal
