#!/bin/sh
# Provides the programs that the tests need and Debian does not package.
#   scripts/tools.sh          the real "docker compose", as a plugin of docker
#   scripts/tools.sh bench    also nginx, haproxy, wrk, mmdebstrap and curl from Debian
# Prints the Docker configuration directory that holds the plugin; use it as
#   export DOCKER_CONFIG=$(scripts/tools.sh)
# What was built once is kept in the cache, outside of the tree.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/gapless
compose_module=github.com/docker/compose/v5
export GOTOOLCHAIN=local

build_compose() {
	version=$(cd "$root/tools" && go list -m -f '{{.Version}}' "$compose_module")
	config=$cache/compose-$version
	plugin=$config/cli-plugins/docker-compose
	if [ ! -x "$plugin" ]; then
		echo "building docker compose $version (about a minute, once)" >&2
		mkdir -p "$config/cli-plugins"
		# Built beside its place and renamed: a build that is interrupted, or
		# two at once, leave no half-written plugin.
		partial=$plugin.$$
		(cd "$root/tools" && CGO_ENABLED=0 go build -trimpath -tags e2e \
			-ldflags "-s -w -X $compose_module/internal.Version=$version" \
			-o "$partial" "$compose_module/cmd") >&2
		mv "$partial" "$plugin"
	fi
	echo "$config"
}

install_bench() {
	missing=
	for program in nginx haproxy wrk mmdebstrap curl; do
		PATH=$PATH:/usr/sbin command -v "$program" >/dev/null || missing="$missing $program"
	done
	[ -z "$missing" ] && return
	if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
		echo "missing:$missing; install them as root with apt-get" >&2
		exit 1
	fi
	# A package of a server starts the server; the benchmarks start their own.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e "$policy" ]; then
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod +x "$policy"
		trap 'rm -f "$policy"' EXIT
	fi
	apt-get update -qq >&2
	# shellcheck disable=SC2086 # a list of names
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >&2
}

case ${1:-} in
"") build_compose ;;
bench)
	install_bench
	build_compose
	;;
*)
	sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
