#!/bin/sh
# What Compose itself offers: start what changed.
. "$(dirname "$0")/common.sh"

docker compose up -d
