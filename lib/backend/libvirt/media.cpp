#include "backend/libvirt/media.h"

#include "backend/libvirt/xml.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <libvirt/virterror.h>

namespace vbmc::backend::libvirt {

namespace {

struct Url {
    std::string protocol;
    std::string host;
    unsigned port = 0;
    std::string path; // without the first slash
    std::string query;
};

Error bad_image(std::string message) {
    return Error(ErrorCode::invalid_argument, std::move(message))
        .with_hint("a path on the hypervisor, pool:POOL/VOLUME, or an http, https or ftp URL");
}

unsigned default_port(const std::string& protocol) {
    if (protocol == "https") {
        return 443;
    }
    if (protocol == "ftp") {
        return 21;
    }
    return protocol == "ftps" ? 990 : 80;
}

Result<Url> parse_url(const std::string& text) {
    constexpr std::array<std::string_view, 4> protocols = {"http", "https", "ftp", "ftps"};
    Url url;
    const auto colon = text.find("://");
    url.protocol = text.substr(0, colon);
    if (std::find(protocols.begin(), protocols.end(), url.protocol) == protocols.end()) {
        return Error(
                   ErrorCode::unsupported, "libvirt cannot read an image over " + url.protocol + ":"
        )
            .with_hint("mount it on the hypervisor and give the path, or serve it over http");
    }
    std::string rest = text.substr(colon + 3);
    const auto slash = rest.find('/');
    std::string place = rest.substr(0, slash);
    if (place.find('@') != std::string::npos) {
        return Error(ErrorCode::invalid_argument, "the image's URL must not hold a password");
    }
    rest = slash == std::string::npos ? "" : rest.substr(slash + 1);
    rest = rest.substr(0, rest.find('#'));
    const auto question = rest.find('?');
    url.path = rest.substr(0, question);
    url.query = question == std::string::npos ? "" : rest.substr(question + 1);
    url.port = default_port(url.protocol);
    const auto bracket = place.find(']');
    const auto port = place.find(':', bracket == std::string::npos ? 0 : bracket);
    if (port != std::string::npos) {
        const char* first = place.data() + port + 1;
        const char* last = place.data() + place.size();
        const auto [end, error] = std::from_chars(first, last, url.port);
        if (error != std::errc{} || end != last || url.port == 0 || url.port > 65535) {
            return bad_image("the image's URL has no good port");
        }
        place.resize(port);
    }
    url.host = bracket == std::string::npos ? place : place.substr(1, bracket - 1);
    if (url.host.empty() || url.path.empty()) {
        return bad_image("the image's URL names no host or no file");
    }
    return url;
}

void set(pugi::xml_node node, const char* name, const std::string& value) {
    if (!node.attribute(name).set_value(value.c_str())) {
        node.append_attribute(name).set_value(value.c_str());
    }
}

Result<void> put_source(pugi::xml_node disk, const std::string& image) {
    pugi::xml_node source = disk.append_child("source");
    if (image.front() == '/') {
        const bool block = image.rfind("/dev/", 0) == 0;
        set(disk, "type", block ? "block" : "file");
        set(source, block ? "dev" : "file", image);
        return {};
    }
    if (image.rfind("pool:", 0) == 0) {
        const auto slash = image.find('/');
        if (slash == std::string::npos || slash == 5 || slash + 1 == image.size()) {
            return bad_image("'" + image + "' is no storage volume");
        }
        set(disk, "type", "volume");
        set(source, "pool", image.substr(5, slash - 5));
        set(source, "volume", image.substr(slash + 1));
        return {};
    }
    if (image.find("://") == std::string::npos) {
        return bad_image("'" + image + "' is no image that a hypervisor could find");
    }
    const auto url = parse_url(image);
    if (url.has_error()) {
        return url.error();
    }
    set(disk, "type", "network");
    set(source, "protocol", url->protocol);
    set(source, "name", url->path);
    if (!url->query.empty()) {
        set(source, "query", url->query);
    }
    pugi::xml_node host = source.append_child("host");
    set(host, "name", url->host);
    set(host, "port", std::to_string(url->port));
    return {};
}

/// An image is read as it is, whatever lay in the drive before.
void set_raw(pugi::xml_node disk) {
    pugi::xml_node driver = disk.child("driver");
    if (driver) {
        set(driver, "type", "raw");
    }
}

/// A guest that has locked its tray does not keep a BMC's medium.
bool update(virDomainPtr domain, const std::string& drive, unsigned flags) {
    return virDomainUpdateDeviceFlags(domain, drive.c_str(), flags) == 0 ||
           virDomainUpdateDeviceFlags(
               domain, drive.c_str(), flags | VIR_DOMAIN_DEVICE_MODIFY_FORCE
           ) == 0;
}

Result<void> update_from(
    virDomainPtr domain,
    const Whom& whom,
    const std::string& xml,
    const std::string& drive,
    const std::optional<std::string>& image,
    unsigned flags
) {
    const auto changed = drive_with(xml, drive, image);
    if (changed.has_error()) {
        const Error& why = changed.error();
        return trouble(whom, why.code, why.message, why.hint);
    }
    if (!update(domain, *changed, flags)) {
        return fault(whom, image ? "insert the medium" : "eject the medium");
    }
    return {};
}

} // namespace

Result<std::string> drive_with(
    std::string_view xml, const std::string& drive, const std::optional<std::string>& image
) {
    auto document = parse_domain(xml);
    if (document.has_error()) {
        return document.error();
    }
    for (pugi::xml_node disk : devices_of((*document)->child("domain"))) {
        const std::string_view target = disk.child("target").attribute("dev").as_string();
        if (disk_class(disk) != "cdrom" || (!drive.empty() && target != drive)) {
            continue;
        }
        for (const char* old : {"source", "backingStore", "mirror", "encryption", "auth"}) {
            disk.remove_child(old);
        }
        set(disk, "type", "file");
        if (image && !image->empty()) {
            set_raw(disk);
            const auto put = put_source(disk, *image);
            if (put.has_error()) {
                return put.error();
            }
        }
        return print(disk);
    }
    const std::string which = drive.empty() ? "no CD-ROM drive" : "no CD-ROM drive '" + drive + "'";
    return Error(ErrorCode::failed_precondition, "it has " + which)
        .with_hint("add one: virsh attach-disk DOMAIN '' sdz --type cdrom --config");
}

Result<std::string> full_image(const std::string& image, const std::string& folder) {
    if (image.find_first_of("/:") != std::string::npos) {
        return image;
    }
    if (image.empty() || image == "." || image == "..") {
        return bad_image("'" + image + "' is no image's name");
    }
    if (folder.empty()) {
        return Error(ErrorCode::failed_precondition, "nobody said where '" + image + "' lies")
            .with_hint("give the node the option media-dir");
    }
    return folder + (folder.back() == '/' ? "" : "/") + image;
}

Result<void> change_media(
    virConnectPtr connection,
    const Whom& whom,
    const std::string& drive,
    const std::optional<std::string>& image
) {
    const auto domain = find_domain(connection, whom);
    if (domain.has_error()) {
        return domain.error();
    }
    const auto running = running_xml(domain->get(), whom);
    if (running.has_error()) {
        return running.error();
    }
    if (!running->empty()) {
        const auto done =
            update_from(domain->get(), whom, *running, drive, image, VIR_DOMAIN_DEVICE_MODIFY_LIVE);
        if (done.has_error() || virDomainIsPersistent(domain->get()) != 1) {
            return done;
        }
    }
    const auto defined = definition_of(domain->get(), whom);
    if (defined.has_error()) {
        return defined.error();
    }
    return update_from(
        domain->get(), whom, *defined, drive, image, VIR_DOMAIN_DEVICE_MODIFY_CONFIG
    );
}

} // namespace vbmc::backend::libvirt
