#!/bin/sh
# First process of a lab host: makes the machine around it, then stays as its process 1.
# Runs in new mount, UTS, network and PID namespaces: host.sh FOLDER NAME DEVICE-IMAGE ROOT OUTSIDE
# OUTSIDE is the network namespace of the machine: a host that shares it leaves it as it is.
# DEVICE-IMAGE, unless empty, is a file system for /var/lib/docker; ROOT, unless empty, another Debian to run in.
# Whatever this mounts is gone with the last process in here, so nothing is ever undone.
set -eu
folder=$1 name=$2 image=$3 root=$4 outside=$5

# /proc still counts in the outside world's numbers here: "self" is what the tests can send a signal to.
read -r pid rest </proc/self/stat
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
if [ -n "$root" ]; then
  # Not a chroot: runc needs its root to be a mount point.
  mkdir /run/root
  mount --bind "$root" /run/root
  for directory in proc sys dev; do
    mount --rbind "/$directory" "/run/root/$directory"
  done
  mount -t tmpfs -o mode=755 tmpfs /run/root/run
  mount -t tmpfs tmpfs /run/root/tmp
  mkdir -p "/run/root$folder"
  mount --bind "$folder" "/run/root$folder"
  cd /run/root
  pivot_root . mnt
  umount --lazy /mnt
fi
# As on a host where systemd runs: agents get later mounts by rslave.
mount --make-rshared /
mkdir -p /var/lib/docker /etc/docker
if [ -n "$image" ]; then
  # The loop device frees itself when the last mount of it goes.
  mount -o loop "$image" /var/lib/docker
else
  mount --bind "$folder/var/lib/docker" /var/lib/docker
fi
mount --make-shared /var/lib/docker
# Engines up to 23 keep their ID (key.json) here, not in the data root.
mount --bind "$folder/etc/docker" /etc/docker
hostname "$name"
if [ "$(readlink /proc/self/ns/net)" != "$outside" ]; then
  ip link set lo up
  echo 1 >/proc/sys/net/ipv4/ip_forward
fi
echo "$pid" >"$folder/init.pid.new"
mv "$folder/init.pid.new" "$folder/init.pid"
# Waiting also buries the orphans that process 1 inherits, so a containerd that died with its engine is seen to be gone.
while :; do
  sleep 3600 &
  wait
done
