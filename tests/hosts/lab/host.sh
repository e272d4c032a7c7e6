#!/bin/sh
# Process 1 of a host: host.sh FOLDER NAME ADDRESS BOOT_ID HIDDEN...
# FOLDER has upper, work, root and disk. The folders HIDDEN are empty on this host.
set -eu
folder=$1 name=$2 address=$3 boot_id=$4
shift 4
root=$folder/root

mount -t overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" lab "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 shm "$root/dev/shm"
mount -t tmpfs -o mode=755 run "$root/run"
for hidden in "$@"; do mount -t tmpfs -o mode=1777 hidden "$root$hidden"; done
mount --bind "$folder/disk" "$root/var/lib/redistopo"

# A host that was started again has another boot id, though the kernel is the same.
echo "$boot_id" > "$root/run/boot_id"
mount --bind "$root/run/boot_id" "$root/proc/sys/kernel/random/boot_id"
hostname "$name"

# The network interface comes from outside, once this process is known there.
echo ready
read -r _
ip link set lo up
ip address add "$address" dev eth0
ip link set eth0 up

mkdir "$root/run/sshd" "$root/run/old"
cd "$root"
pivot_root . run/old
cd /
umount -l /run/old
rmdir /run/old
exec < /dev/null > /run/console 2>&1
/usr/sbin/sshd -f /etc/ssh/lab_config -E /run/sshd.log
# What has lost its parent is reaped here, as by any process 1.
while :; do sleep 86400 & wait; done
