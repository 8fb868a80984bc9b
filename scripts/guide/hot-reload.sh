#!/bin/sh
# The "hot reload" of the hand-written guide: the same containers, restarted.
. "$(dirname "$0")/common.sh"

docker compose restart api
docker compose restart worker
sleep 3
check_health
