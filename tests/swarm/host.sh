#!/bin/sh
# First process of a lab host: makes the machine around it, then stays as its process 1.
# Runs in new mount, UTS, network and PID namespaces: host.sh FOLDER NAME [DEVICE-IMAGE]
# Whatever it mounts is gone with its last process, so nothing here is ever undone.
set -eu
folder=$1 name=$2 image=${3:-}

# /proc still counts in the outside world's numbers here: "self" is what the tests can send a signal to.
read -r pid rest </proc/self/stat
mount --make-rprivate /
mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
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
ip link set lo up
echo 1 >/proc/sys/net/ipv4/ip_forward
echo "$pid" >"$folder/init.pid.new"
mv "$folder/init.pid.new" "$folder/init.pid"
# Waiting also buries the orphans that process 1 inherits, so a containerd that died with its engine is seen to be gone.
while :; do
  sleep 3600 &
  wait
done
