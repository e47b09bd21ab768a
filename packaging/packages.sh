# The Debian 12 packages that vbmcd needs: one list, read by packaging/quickstart and tests/run.
# Source it, then: install_packages "${VBMC_BUILD_PACKAGES[@]}" ...
# shellcheck shell=bash disable=SC2034

# To build vbmcd and vbmcctl.
VBMC_BUILD_PACKAGES=(
    g++ cmake ninja-build ccache lld pkg-config
    libboost1.81-dev libssl-dev libsystemd-dev
    libsqlitecpp-dev libsqlite3-dev
    libgrpc++-dev libprotobuf-dev protobuf-compiler protobuf-compiler-grpc
    nlohmann-json3-dev libspdlog-dev libyaml-cpp-dev libcli11-dev
    libvirt-dev libpugixml-dev libssh-dev
)

# To try it: an IPMI client.
VBMC_RUN_PACKAGES=(ca-certificates ipmitool)

# To test it: the test framework, formatters and checkers, and every IPMI client that Debian has.
VBMC_TEST_PACKAGES=(
    git catch2 libbenchmark-dev clang-format-14 mandoc openssl sqlite3 procps iproute2 valgrind systemd
    python3 python3-pytest python3-yaml python3-grpcio python3-grpc-tools python3-protobuf
    python3-jsonschema python3-libcloud
    ipmitool freeipmi-tools openipmi python3-pyghmi python3-pyipmi fence-agents ipmiutil
    powerman conman prometheus-ipmi-exporter python3-ironic openssh-server openssh-client
    efibootmgr lm-sensors libsasl2-modules sasl2-bin netcat-openbsd
    libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 ipxe-qemu seabios ovmf
    busybox-static grub-common grub-pc-bin grub-efi-amd64-bin xorriso mtools cpio util-linux
)

# Names what is missing of the packages given.
missing_packages() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
            printf '%s\n' "$package"
    done
}

# Installs what is missing, and starts no service: the clients' own daemons are not wanted here.
install_packages() {
    local missing
    mapfile -t missing < <(missing_packages "$@" | sort -u)
    [ "${#missing[@]}" -gt 0 ] || return 0
    if [ "$(id -u)" -ne 0 ]; then
        printf 'These packages are missing; install them as root: apt-get install %s\n' \
            "${missing[*]}" >&2
        return 1
    fi
    printf 'Installing %d packages: %s\n' "${#missing[@]}" "${missing[*]}"
    (
        policy=/usr/sbin/policy-rc.d
        if [ ! -e "$policy" ]; then
            trap 'rm -f "$policy"' EXIT
            printf '#!/bin/sh\nexit 101\n' >"$policy"
            chmod 755 "$policy"
        fi
        export DEBIAN_FRONTEND=noninteractive
        apt=(apt-get -y -qq -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300)
        "${apt[@]}" update &&
            "${apt[@]}" install --no-install-recommends "${missing[@]}" >/dev/null
    ) </dev/null
}
