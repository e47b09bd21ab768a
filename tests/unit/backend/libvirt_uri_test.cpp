// What of a host's URI is taken, and how it is shown.

#include "backend/libvirt/uri.h"

#include <catch2/catch.hpp>

using namespace vbmc;
using namespace vbmc::backend::libvirt;

TEST_CASE("a URI that reaches a host is taken", "[libvirt]") {
    for (const char* uri : {
             "qemu:///system",
             "qemu:///session",
             "test:///default",
             "qemu+unix:///system?socket=/run/a@b/libvirt-sock",
             "qemu+ssh://vbmc@kvm2:2222/system?keyfile=/etc/vbmc/key",
             "qemu+tls://[::1]:16514/system?pkipath=/etc/vbmc/pki;no_tty=1#x",
             "qemu+tcp://kvm2/system?commander=1",
             "qemu+tcp://kvm2?name=a:b@c",
             "lxc:///",
         }) {
        CAPTURE(uri);
        CHECK(check_uri(uri));
        CHECK(shown(uri) == uri);
    }
}

TEST_CASE(
    "a URI that has libvirt do something here is refused, however it is written", "[libvirt]"
) {
    for (const char* uri : {
             "qemu+ext:///system",
             "qemu+EXT:///system",
             "qemu+ssh://h/system?command=/bin/sh",
             "qemu+ssh://h/system?COMMAND=/bin/sh",
             "qemu+ssh://h/system?no_tty=1;%63omman%64=/bin/sh",
             "qemu+tcp://h/system?a=b&authfile=/etc/passwd",
             "test:///etc/passwd",
             "test:////default",
             "test+tcp://h/etc/passwd",
             "qemu:///embed?root=/tmp",
             "qemu:///%65mbed?root=/tmp",
             "qemu+tcp://root:hunter2@host/system",
         }) {
        CAPTURE(uri);
        const auto refused = check_uri(uri);
        REQUIRE(refused.has_error());
        CHECK(refused.error().code == ErrorCode::invalid_argument);
        CHECK(refused.error().field == "backend.options.uri");
        CHECK(describe(refused.error()).find("hunter2") == std::string::npos);
    }
    CHECK(shown("qemu+tcp://root:hunter2@host/system") == "qemu+tcp://root@host/system");
}

TEST_CASE("ssh is told that there is nobody to ask", "[libvirt]") {
    CHECK(unattended("qemu+ssh://h/system") == "qemu+ssh://h/system?no_tty=1");
    CHECK(unattended("qemu+ssh://h/system?no_tty=0#x") == "qemu+ssh://h/system?no_tty=0&no_tty=1");
    CHECK(unattended("qemu+tls://h/system") == "qemu+tls://h/system");
}

TEST_CASE("the host is the name or address alone", "[libvirt]") {
    CHECK(host_of("qemu+ssh://vbmc@kvm2:22/system") == "kvm2");
    CHECK(host_of("qemu+tls://[2001:db8::7]:16514/system") == "2001:db8::7");
    CHECK(host_of("qemu+tcp://kvm2") == "kvm2");
    CHECK(host_of("qemu:///system?socket=/a:b") == "");
}
