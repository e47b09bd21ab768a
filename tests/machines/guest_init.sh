#!/bin/sh
# The guest's only program: tells where it was booted from, listens to the power button, and gives a
# shell on the serial console.
export PATH=/bin PS1='vbmc-guest# '
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
source=$(tr ' ' '\n' </proc/cmdline | grep '^bootfrom=' | cut -d= -f2)
insmod /lib/evdev.ko
insmod /lib/button.ko
hostname vbmc-guest
echo 1 >/proc/sys/kernel/sysrq
sleep 0.2
acpid -l /dev/null -f -c /etc/acpi -a /etc/acpid.conf -M /etc/acpi.map >/dev/null 2>&1 &
sleep 0.5
efi=0
[ ! -d /sys/firmware/efi ] || efi=1
echo "VBMC-GUEST-UP boot=${source:-unknown} efi=$efi uptime=$(cut -d' ' -f1 /proc/uptime)" >/dev/console
while :; do
    setsid cttyhack sh
done
