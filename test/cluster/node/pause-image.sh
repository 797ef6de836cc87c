#!/usr/bin/env bash
# Makes a docker-archive with one program in it:  pause-image.sh PROGRAM IMAGE ARCHIVE
set -euo pipefail
program=$1 image=$2 archive=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tar --create --file "$work/layer.tar" --directory "$(dirname "$program")" \
  --owner=0 --group=0 --mtime=@0 --transform "s|.*|pause|" "$(basename "$program")"
layer=$(sha256sum "$work/layer.tar" | cut -d' ' -f1)
cat >"$work/config.json" <<CONFIG
{
  "architecture": "$(dpkg --print-architecture)", "os": "linux",
  "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
  "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]}
}
CONFIG
cat >"$work/manifest.json" <<MANIFEST
[{"Config": "config.json", "RepoTags": ["$image"], "Layers": ["layer.tar"]}]
MANIFEST
tar --create --file "$archive" --directory "$work" manifest.json config.json layer.tar
