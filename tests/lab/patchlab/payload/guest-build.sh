#!/bin/sh
# Copyright (c) 2026, fleetops.patchtrain contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the guests' kernel and initramfs of what is installed, then removes the kernel: a host of the lab has none.
set -eu
home=/usr/local/lib/patchlab-guest
tree=$(mktemp -d)
mkdir "$tree/bin" "$tree/dev" "$tree/proc" "$tree/modules"
cp /bin/busybox "$tree/bin/"
install -m 0755 "$home/init" "$tree/init"
# Numbered, because each needs those before it.
number=10
for module in button evdev virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_console; do
    find /usr/lib/modules -name "$module.ko" -exec cp {} "$tree/modules/$number-$module.ko" \;
    number=$((number + 1))
done
cp /boot/vmlinuz-* "$home/vmlinuz"
(cd "$tree" && find . | cpio --quiet -o -H newc | gzip -1 >"$home/initramfs")
rm -r "$tree"
dpkg-query -W -f '${Package}\n' 'linux-image-*' | xargs dpkg --purge
dpkg --purge initramfs-tools initramfs-tools-core linux-base || true
find /boot -mindepth 1 -delete
rm -rf /usr/lib/modules
