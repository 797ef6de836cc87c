#!/usr/bin/env bash
# Becomes the first process of a node: in cgroups and namespaces of its own, so that nothing it does reaches the machine.
#
#   outer.sh DIRECTORY NAME
#
# DIRECTORY is the node's, NAME that of its cgroups. Whoever kills this process ends everything inside.
set -euo pipefail
directory=$1 name=$2
here=$(cd "$(dirname "$0")" && pwd)

# As a whole and at first: it changes with every cgroup that is entered.
hierarchies=$(cat /proc/self/cgroup)
while IFS=: read -r _ controllers path; do
  [ -n "$controllers" ] || continue
  parent=/sys/fs/cgroup/${controllers#name=}${path%/}
  mkdir "$parent/$name"
  echo "$parent/$name" >>"$directory/cgroups"
  case ,$controllers, in *,cpuset,*)
    # A new one has neither processors nor memory.
    cat "$parent/cpuset.cpus" >"$parent/$name/cpuset.cpus"
    cat "$parent/cpuset.mems" >"$parent/$name/cpuset.mems"
    echo 1 >"$parent/$name/cgroup.clone_children"
    ;;
  esac
  echo $$ >"$parent/$name/cgroup.procs"
done <<<"$hierarchies"

exec unshare --mount --net --pid --ipc --uts --cgroup --fork --kill-child=KILL --propagation=private --mount-proc \
  bash "$here/inner.sh" "$directory"
