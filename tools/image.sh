#!/usr/bin/env bash
# Builds the image with buildah, where there is neither a container engine nor a registry:
#
#   tools/image.sh [ARCHIVE]      default: .tools/image/piing-gateway.tar
#
# ARCHIVE is a docker-archive, which `ctr images import`, `docker load` and `skopeo copy` take. Needs root, and the
# Debian packages buildah and mmdebstrap. From the environment:
#
#   NODE_IMAGE          build on this image instead of on one that is made here of Debian packages and Node from npm
#   IMAGE               name in the archive; default: localhost/piing-gateway:VERSION
#   SOURCE_DATE_EPOCH   time of every file; default: of the last commit. Two builds of one commit are the same image.
#   NO_CACHE=1          build every layer anew
#
# .tools/image/ keeps layers for the next time. It grows with each commit; remove it whenever you like.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
work=$root/.tools/image
archive=$(realpath -m "${1:-$work/piing-gateway.tar}")
version=$(node -p 'require("./package.json").version')
image=${IMAGE:-localhost/piing-gateway:$version}
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
npm_version=11.19.1
# Of the files of the base, which do not change with ours: 2026-01-01.
base_epoch=1767225600
mkdir -p "$work" "$(dirname "$archive")"

echo 'unqualified-search-registries = ["localhost"]' >"$work/registries.conf"
# The build asks npm's registry in the way that this machine does.
printf 'cafile=/etc/ssl/certs/ca-certificates.crt\nregistry=%s\n' "$(npm config get registry)" >"$work/npmrc"

in_store() {
  local command=$1
  shift
  buildah --root "$work/storage" --runroot "$work/runroot" --storage-driver "${STORAGE_DRIVER:-overlay}" \
    --registries-conf "$work/registries.conf" "$command" "$@"
}

# Debian's files, Node and npm, made once for each version.
build_base() {
  local base=$work/base node=$root/node_modules/node/bin/node wanted
  wanted=$({ cat tools/image/Containerfile.base tools/image.sh; "$node" --version; } | sha256sum)
  [ "$(cat "$base/stamp" 2>/dev/null)" = "$wanted" ] && in_store inspect "$1" >/dev/null 2>&1 && return
  rm -rf "$base"
  mkdir -p "$base"
  SOURCE_DATE_EPOCH=$base_epoch mmdebstrap --quiet --variant=extract \
    --include=dash,bash,coreutils,grep,sed,findutils,tar,gzip,libc-bin,libstdc++6,libgcc-s1,ca-certificates,base-files,base-passwd,netbase,tzdata \
    bookworm "$base/rootfs.tar"
  cp "$node" "$base/node"
  npm install --no-audit --no-fund --loglevel=error --ignore-scripts --prefix "$base/packages" "npm@$npm_version"
  cp -r "$base/packages/node_modules/npm" "$base/npm"
  rm -rf "$base/packages"
  in_store bud --quiet --isolation chroot --timestamp "$base_epoch" -f tools/image/Containerfile.base -t "$1" "$base" >/dev/null
  rm -rf "$base/rootfs.tar" "$base/node" "$base/npm"
  echo "$wanted" >"$base/stamp"
}

node_image=${NODE_IMAGE:-}
if [ -z "$node_image" ]; then
  node_image=localhost/node:24-bookworm-slim
  build_base "$node_image"
fi

cache=(--layers)
[ -n "${NO_CACHE:-}" ] && cache+=(--no-cache)
in_store bud --isolation chroot "${cache[@]}" --timestamp "$epoch" \
  --volume /etc/ssl/certs/ca-certificates.crt:/etc/ssl/certs/ca-certificates.crt:ro \
  --volume "$work/npmrc:/root/.npmrc:ro" \
  --build-arg "NODE_IMAGE=$node_image" \
  --build-arg "VERSION=$version" \
  --build-arg "REVISION=$(git rev-parse HEAD)" \
  --build-arg "CREATED=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)" \
  -f Dockerfile -t "$image" .
rm -f "$archive"
in_store push --quiet "$image" "docker-archive:$archive:$image"
in_store inspect --format "$image {{.FromImageID}}" "$image"
