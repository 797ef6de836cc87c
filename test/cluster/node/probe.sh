#!/usr/bin/env bash
# Tries what a node needs of the kernel, inside namespaces that end with this script. Says what is refused.
set -uo pipefail
refused() {
  echo "$1"
  exit 1
}
mount -t tmpfs tmpfs /tmp || refused 'mounting is refused'
mkdir /tmp/lower /tmp/upper /tmp/work /tmp/merged
mount -t overlay -o lowerdir=/tmp/lower,upperdir=/tmp/upper,workdir=/tmp/work overlay /tmp/merged ||
  refused 'overlay file systems are refused'
ip link add probe0 type veth peer name probe1 || refused 'virtual network links are refused'
ip link add probe2 type bridge || refused 'network bridges are refused'
nft 'add table ip probe; add chain ip probe nat { type nat hook output priority 0; }' || refused 'nftables is refused'
iptables -t nat -N PROBE || refused 'iptables is refused'
