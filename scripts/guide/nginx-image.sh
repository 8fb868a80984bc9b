#!/bin/sh
# Makes the image shop-nginx:front: Debian's nginx without a registry. The
# root file system is built once (root, mmdebstrap: scripts/tools.sh bench) and
# kept in the cache, outside of the tree.
set -eu

suite=bookworm
cache=${XDG_CACHE_HOME:-$HOME/.cache}/gapless
tar=$cache/nginx-$suite.tar

docker image inspect shop-nginx:front >/dev/null 2>&1 && exit 0
if [ ! -s "$tar" ]; then
	command -v mmdebstrap >/dev/null || {
		echo "mmdebstrap is missing: run scripts/tools.sh bench" >&2
		exit 1
	}
	mkdir -p "$cache"
	mmdebstrap --quiet --variant=minbase --include=nginx-light "$suite" "$tar.$$.tar" >&2
	mv "$tar.$$.tar" "$tar"
fi
docker import "$tar" shop-nginx:front >/dev/null
