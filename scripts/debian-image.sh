#!/bin/sh
# Makes an image of Debian packages without a registry, and prints its name:
#   scripts/debian-image.sh NAME PACKAGE...
# The root file system is built once per list of packages (as root, with
# mmdebstrap: scripts/tools.sh images) and kept in the cache, outside of the
# tree; the name ends in a key of that list, whatever the date.
set -eu

suite=bookworm
recipe=1 # another number makes all images anew
[ $# -ge 2 ] || {
	sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
	exit 2
}
name=$1
shift
key=$(printf '%s\n' "$recipe" "$suite" "$@" | sha256sum | cut -c1-12)
image=debian-$name:$key
cache=${XDG_CACHE_HOME:-$HOME/.cache}/gapless
tar=$cache/debian-$name-$key.tar

# Inside of the new root: documents and translations, and what lets Postgres
# compile queries, which is a third of its size and is not missed when absent.
slim='rm -rf "$1"/usr/share/doc/* "$1"/usr/share/man/* "$1"/usr/share/info/* "$1"/usr/share/locale/* \
	"$1"/usr/share/i18n/* "$1"/var/lib/postgresql/*/main "$1"/usr/lib/postgresql/*/lib/bitcode \
	"$1"/usr/lib/postgresql/*/lib/llvmjit* "$1"/usr/lib/*/libLLVM-* "$1"/usr/lib/*/libz3.*'

# bootstrap builds in memory where that can be mounted: dpkg syncs every file.
bootstrap() {
	packages=$(printf '%s,' "$@")
	mkdir -p "$cache"
	echo "building $image from Debian's packages (once)" >&2
	unshare --mount sh -euc '
		tar=$1 packages=$2 slim=$3 suite=$4
		directory=$(mktemp -d)
		trap "umount \"$directory\" 2>/dev/null || true; rmdir \"$directory\"; rm -f \"$tar.$$.tar\"" EXIT
		mount -t tmpfs -o size=3g,mode=755 tmpfs "$directory" || true
		TMPDIR=$directory mmdebstrap --quiet --variant=minbase --dpkgopt=force-unsafe-io \
			--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
			--customize-hook="$slim" --include="${packages%,}" "$suite" "$tar.$$.tar"
		mv "$tar.$$.tar" "$tar"
	' sh "$tar" "$packages" "$slim" "$suite" >"$tar.log" 2>&1 || {
		tail -n 30 "$tar.log" >&2
		exit 1
	}
	rm "$tar.log"
}

if ! docker image inspect "$image" >/dev/null 2>&1; then
	if [ ! -s "$tar" ]; then
		"$(dirname "$0")/tools.sh" images
		bootstrap "$@"
	fi
	docker import "$tar" "$image" >/dev/null
fi
echo "$image"
