#!/bin/sh
# Quick update: everything down, build, everything up, migrate.
. "$(dirname "$0")/common.sh"

git pull --quiet --ff-only
compose down
compose build
compose up -d
manage migrate --noinput
manage collectstatic --noinput
check_health
