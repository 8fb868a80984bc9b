#!/bin/sh
# A dump of the database into backups/.
. "$(dirname "$0")/common.sh"

mkdir -p backups
file=backups/$(date +%Y%m%d-%H%M%S).sql
compose exec -T db sh -c 'pg_dump -U "$POSTGRES_USER" "$POSTGRES_DB"' >"$file"
echo "$file"
