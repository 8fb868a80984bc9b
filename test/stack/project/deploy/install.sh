#!/bin/sh
# The first deployment on a server.
. "$(dirname "$0")/common.sh"

compose build
compose run --rm -T api sh -c "python manage.py migrate --noinput && python manage.py collectstatic --noinput"
compose up -d
