#!/usr/bin/env bash
# build_guest.sh DIR: the guest that the machine tests boot, out of Debian packages alone: a kernel,
# busybox, GRUB. A few megabytes, up in seconds without KVM, and it tells on its serial port where
# it was booted from. Leaves in DIR: disk.img cdrom.iso tftp/. Does nothing when they are there.
set -euo pipefail

OUT=$(realpath -m "${1:?where to}")
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STAMP=$OUT/stamp
WANTED=$(cat "$HERE/build_guest.sh" "$HERE/guest_init.sh" | sha256sum)

if [ "$(cat "$STAMP" 2>/dev/null)" = "$WANTED" ]; then
    exit 0
fi
rm -rf "$OUT"
mkdir -p "$OUT/work" "$OUT/tftp"
cd "$OUT/work"

# The kernel's package is unpacked, not installed: the machine that tests keeps its own.
package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null |
    awk '/Depends: linux-image/ { print $2; exit }')
if [ -z "$package" ]; then
    apt-get -qq update
    package=$(apt-cache depends linux-image-cloud-amd64 |
        awk '/Depends: linux-image/ { print $2; exit }')
fi
apt-get -qq -o APT::Sandbox::User=root download "$package" ||
    { apt-get -qq update && apt-get -qq -o APT::Sandbox::User=root download "$package"; }
dpkg -x ./"$package"_*.deb kernel
version=$(ls kernel/lib/modules)
cp kernel/boot/vmlinuz-"$version" "$OUT/tftp/vmlinuz"

root=$OUT/work/root
mkdir -p "$root"/{bin,dev,etc/acpi/PWRF,lib,proc,sys,tmp}
cp /bin/busybox "$root/bin/"
for tool in acpid cat cttyhack cut date dmesg echo free grep hostname insmod ls mount poweroff ps \
    reboot setsid sh sleep stty tr uname; do
    ln -s busybox "$root/bin/$tool"
done
modules=kernel/lib/modules/$version/kernel/drivers
cp "$modules/input/evdev.ko" "$modules/acpi/button.ko" "$root/lib/"
install -m 755 "$HERE/guest_init.sh" "$root/init"
printf '%s\n' '#!/bin/sh' 'echo VBMC-GUEST-BUTTON >/dev/console' 'sleep 0.3' 'poweroff -f' \
    >"$root/etc/acpi/PWRF/00000080"
chmod 755 "$root/etc/acpi/PWRF/00000080"
(cd "$root" && find . | cpio --quiet -o -H newc | gzip -9n) >"$OUT/tftp/initrd.gz"

options='console=ttyS0,115200 quiet panic=-1'
for source in disk cdrom; do
    mkdir -p "$source/boot/grub"
    cp "$OUT/tftp/vmlinuz" "$OUT/tftp/initrd.gz" "$source/boot/"
    cat >"$source/boot/grub/grub.cfg" <<END
serial --unit=0 --speed=115200
terminal_input serial
terminal_output serial
set timeout=0
linux /boot/vmlinuz $options bootfrom=$source
initrd /boot/initrd.gz
boot
END
    grub-mkrescue -o "$OUT/$source.iso" "$source" >"$OUT/$source.log" 2>&1
done
mv "$OUT/disk.iso" "$OUT/disk.img"
cat >"$OUT/tftp/boot.ipxe" <<END
#!ipxe
kernel vmlinuz $options bootfrom=net initrd=initrd.gz
initrd initrd.gz
boot
END
cd "$OUT"
rm -rf work
chmod -R a+rX "$OUT"
printf '%s\n' "$WANTED" >"$STAMP"
