#!/usr/bin/env bash
# The first process inside: makes the machine that kubelet expects, says so by the file `ready`, and reaps orphans.
#
#   inner.sh DIRECTORY
set -euo pipefail
directory=$1
hostname piing-node

# /sys of this network, and cgroups (version 1) that begin at the node's own.
umount --recursive /sys/fs/cgroup
mount -t sysfs sysfs /sys
mount -t tmpfs -o mode=755 cgroup /sys/fs/cgroup
while IFS=: read -r _ controllers _; do
  [ -n "$controllers" ] || continue
  option=$controllers
  [ "$controllers" = "${controllers#name=}" ] || option=none,$controllers
  mkdir "/sys/fs/cgroup/${controllers#name=}"
  mount -t cgroup -o "$option" cgroup "/sys/fs/cgroup/${controllers#name=}"
done </proc/self/cgroup

# kubelet ends unless these have the values that it wants, and writes them only if they differ: it is shown files.
mkdir "$directory/sysctl"
for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1; do
  file=$directory/sysctl/$(basename "${setting%=*}")
  echo "${setting#*=}" >"$file"
  mount --bind "$file" "/proc/sys/${setting%=*}"
done

# Whatever is written to the places that programs have built in goes to the node's directory.
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/lock "$directory/lib/kubelet" "$directory/log"
mount --bind "$directory/lib" /var/lib
mount --bind "$directory/log" /var/log
mount --make-rshared /

# A link from the node to a client outside of the cluster. LoadBalancer addresses are behind the node.
ip netns add client
ip link set lo up
ip link add eth0 type veth peer name eth0 netns client
ip address add 10.200.0.2/24 dev eth0
ip address add 10.200.0.53/32 dev lo
ip link set eth0 up
ip -n client link set lo up
ip -n client address add 10.200.0.1/24 dev eth0
ip -n client link set eth0 up
ip route add default via 10.200.0.1
ip -n client route add 10.201.0.0/24 via 10.200.0.2
echo 1 >/proc/sys/net/ipv4/ip_forward

touch "$directory/ready"
while true; do
  sleep 1 &
  wait $! || true
done
