#!/bin/sh
# The quick update of the hand-written guide: everything down, everything up.
# The data stays on its volume.
. "$(dirname "$0")/common.sh"

docker compose down
docker compose up -d
docker compose run --rm --no-deps migrate
check_health
