#!/bin/sh
# Provides the programs that the tests need, and prints where they are.
#   scripts/tools.sh              the real "docker compose" as a plugin; prints
#                                 the directory for DOCKER_CONFIG
#   scripts/tools.sh bench        the same, and nginx, haproxy, wrk, mmdebstrap
#                                 and curl from Debian
#   scripts/tools.sh e2e          the same, and the nginx that one scenario puts
#                                 before the edge
#   scripts/tools.sh images       mmdebstrap, which makes images of Debian packages
#   scripts/tools.sh race         the C compiler that the race detector needs
#   scripts/tools.sh staticcheck  staticcheck; prints its path
# What was built once is kept in the cache, outside of the tree.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/gapless
export GOTOOLCHAIN=local

# version_of prints the pinned version of a module of tools/go.mod.
version_of() {
	(cd "$root/tools" && go list -m -f '{{.Version}}' "$1")
}

# build FILE PACKAGE [FLAG...] builds a program unless it is there. It is built
# beside its place and renamed: an interrupted build, or two at once, leave no
# half-written program.
build() {
	file=$1
	package=$2
	shift 2
	[ -x "$file" ] && return
	echo "building $package (once)" >&2
	mkdir -p "$(dirname "$file")"
	(cd "$root/tools" && CGO_ENABLED=0 go build -trimpath "$@" -o "$file.$$" "$package") >&2
	mv "$file.$$" "$file"
}

build_compose() {
	module=github.com/docker/compose/v5
	version=$(version_of $module)
	config=$cache/compose-$version
	build "$config/cli-plugins/docker-compose" $module/cmd \
		-tags e2e -ldflags "-s -w -X $module/internal.Version=$version"
	echo "$config"
}

build_staticcheck() {
	module=honnef.co/go/tools
	program=$cache/staticcheck-$(version_of $module)
	build "$program" $module/cmd/staticcheck
	echo "$program"
}

# install PROGRAM=PACKAGE... installs the packages of missing programs.
install() {
	packages=
	for pair in "$@"; do
		PATH=$PATH:/usr/sbin command -v "${pair%%=*}" >/dev/null || packages="$packages ${pair#*=}"
	done
	[ -z "$packages" ] && return
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "missing:$packages; install them as root with apt-get" >&2
		exit 1
	fi
	# The package of a server starts the server, which nobody asked for.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod +x "$policy"
		trap 'rm -f "$policy"' EXIT
	fi
	echo "installing$packages from Debian" >&2
	apt-get update -qq >&2
	# shellcheck disable=SC2086 # a list of names
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null
}

case ${1:-} in
"") build_compose ;;
bench)
	install nginx=nginx-light haproxy=haproxy wrk=wrk mmdebstrap=mmdebstrap curl=curl
	build_compose
	;;
e2e)
	install nginx=nginx-light mmdebstrap=mmdebstrap
	build_compose
	;;
images) install mmdebstrap=mmdebstrap ;;
race) install "gcc=gcc libc6-dev" ;;
staticcheck) build_staticcheck ;;
*)
	sed -n '2,12s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
