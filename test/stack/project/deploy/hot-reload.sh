#!/bin/sh
# Hot reload: the same containers, restarted. For changes of code that is
# mounted, and for everything that is read at the start.
. "$(dirname "$0")/common.sh"

git pull --quiet --ff-only
compose restart api
compose restart celery
sleep 3
check_health
