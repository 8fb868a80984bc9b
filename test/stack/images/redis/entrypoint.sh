#!/bin/sh
# Runs the server as its own user, reachable from other containers, as the
# well-known image of Redis does.
set -eu
chown redis:redis /data
exec setpriv --reuid=redis --regid=redis --init-groups "$@" --protected-mode no --dir /data
