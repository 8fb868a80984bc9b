#!/bin/sh
# The rolling update of the hand-written guide: services one after the other,
# each stopped, removed and started, with fixed sleeps between; nginx restarted
# at the end, because it still holds the old address of the API.
. "$(dirname "$0")/common.sh"

docker compose run --rm --no-deps migrate

replace() {
	docker compose stop "$1"
	docker compose rm -f "$1"
	docker compose up -d --no-deps "$1"
}

replace scheduler
sleep 3
replace worker
sleep 3
replace api
sleep 10
check_api=$(docker compose ps --status running --quiet api)
[ -n "$check_api" ] || {
	echo "the new API does not run" >&2
	exit 1
}
docker compose restart nginx
sleep 2
check_health
