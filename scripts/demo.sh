#!/bin/sh
# Deploys the example, updates it under traffic, and tries an update to a
# broken version, which Gapless takes back by itself. Exits non-zero if a single
# request failed. Everything that it made is removed at the end.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
cd "$root"
export GOTOOLCHAIN=local

gapless=${GAPLESS:-$root/build/gapless}
rate=${DEMO_RATE:-200}
project=gapless-demo
work=$(mktemp -d)
traffic=

export SHOP_PORT="${DEMO_PORT:-18080}" SHOP_IMAGE=gapless-demo-shop
export GAPLESS_STATE_DIR="$work/state"
export COMPOSE_FILE=examples/shop/compose.yaml COMPOSE_PROJECT_NAME=$project

# The images of the edge and of what runs beside it, which others may use too.
own_images() {
	for images in gapless gapless-edge gapless/tombstone; do
		docker images --format '{{.Repository}}:{{.Tag}}' "$images"
	done
}

say() { printf '\n== %s\n' "$*"; }

remove_all() {
	status=$?
	trap - EXIT INT TERM
	[ -z "$traffic" ] || kill "$traffic" 2>/dev/null || true
	"$gapless" edge stop --yes >/dev/null 2>&1 || true
	label=label=com.docker.compose.project=$project
	containers=$(docker ps --all --quiet --filter "$label")
	# shellcheck disable=SC2086 # lists of ids
	[ -z "$containers" ] || docker rm --force $containers >/dev/null
	docker volume ls --quiet --filter "$label" | xargs -r docker volume rm >/dev/null
	docker network ls --quiet --filter "$label" | xargs -r docker network rm >/dev/null
	# By name: the same content may have other names, which stay.
	for images in "$SHOP_IMAGE" "gapless-pin/$project/*"; do
		docker images --format '{{.Repository}}:{{.Tag}}' "$images" | xargs -r docker rmi >/dev/null
	done
	# One that a container uses is not removed.
	own_images | grep -vxF "$images_before" | xargs -r docker rmi >/dev/null 2>&1 || true
	rm -rf "$work"
	exit "$status"
}

update() {
	SHOP_STORE_TAG=v1 SHOP_TAG=$1 "$gapless" update --yes
}

scripts/engine.sh
images_before=$(own_images)
trap remove_all EXIT INT TERM

say "three versions of an order service: v1, v2, and v3, which never becomes healthy"
examples/shop/build.sh v1
examples/shop/build.sh v2
examples/shop/build.sh v3 never-healthy
CGO_ENABLED=0 go build -trimpath -o "$work/load" ./test/load/cmd/load

say "first deployment: v1"
update v1

say "traffic: $rate requests/s, an upload and a download of 100 MB, a WebSocket, an event stream"
"$work/load" -url "http://127.0.0.1:$SHOP_PORT" -rate "$rate" -streams \
	-transfer 100000000 -transfer-spread 15s -expect v2 >"$work/report" &
traffic=$!
sleep 3

say "update to v2, under that traffic"
update v2
sleep 3

say "update to v3, which is broken: it must be taken back"
status=0
update v3 || status=$?
if [ "$status" != 10 ]; then
	echo "expected exit code 10 (failed, the old release is back), got $status" >&2
	exit 1
fi
sleep 3

say "what happened"
"$gapless" history

say "what the clients saw"
kill "$traffic"
status=0
wait "$traffic" || status=$?
traffic=
cat "$work/report"
if [ "$status" != 0 ]; then
	echo "the demo FAILED: see above" >&2
	exit 1
fi
say "no request failed, and v2 serves"
