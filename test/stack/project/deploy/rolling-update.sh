#!/bin/sh
# Rolling update: one service after the other, each stopped, removed and
# started; nginx at the end, because it still has the old address of the API.
. "$(dirname "$0")/common.sh"

replace() {
	compose stop "$1"
	compose rm -f "$1"
	compose up -d --no-deps "$1"
}

git pull --quiet --ff-only
compose build
compose run --rm -T --no-deps api python manage.py migrate --noinput
replace celery-beat
sleep 3
replace celery
sleep 3
replace api
sleep 10
check_api=$(compose ps --status running --quiet api)
[ -n "$check_api" ] || {
	echo "the new API does not run" >&2
	exit 1
}
manage collectstatic --noinput
compose restart nginx
sleep 2
check_health
