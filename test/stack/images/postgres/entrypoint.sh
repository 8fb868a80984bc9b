#!/bin/sh
# Makes the database once, as the well-known image of Postgres does, and runs
# the server.
set -eu
: "${POSTGRES_USER:=postgres}"
: "${POSTGRES_DB:=$POSTGRES_USER}"

as_postgres() { setpriv --reuid=postgres --regid=postgres --init-groups "$@"; }

if [ ! -s "$PGDATA/PG_VERSION" ]; then
	mkdir -p "$PGDATA"
	chown postgres:postgres "$PGDATA"
	password=$(mktemp)
	printf '%s\n' "${POSTGRES_PASSWORD:?}" >"$password"
	chown postgres "$password"
	as_postgres initdb --username "$POSTGRES_USER" --pwfile "$password" --auth-host scram-sha-256 \
		--encoding UTF8 --locale C.UTF-8 --no-sync >/dev/null
	rm "$password"
	echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
	[ "$POSTGRES_DB" = postgres ] ||
		echo "CREATE DATABASE \"$POSTGRES_DB\"" | as_postgres postgres --single -j postgres >/dev/null
fi
mkdir -p /var/run/postgresql
chown postgres:postgres /var/run/postgresql
exec setpriv --reuid=postgres --regid=postgres --init-groups "$@" \
	-c listen_addresses='*' -c unix_socket_directories=/var/run/postgresql
