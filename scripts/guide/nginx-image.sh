#!/bin/sh
# Makes the image shop-nginx:front: Debian's nginx without a registry.
set -eu

docker image inspect shop-nginx:front >/dev/null 2>&1 && exit 0
docker tag "$("$(dirname "$0")/../debian-image.sh" nginx nginx-light)" shop-nginx:front
