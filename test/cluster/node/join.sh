#!/usr/bin/env bash
# Run by nsenter inside the node's namespaces: enters its cgroups as well, and becomes the program given.
set -euo pipefail
for processes in /sys/fs/cgroup/*/cgroup.procs; do echo $$ >"$processes"; done
exec "$@"
