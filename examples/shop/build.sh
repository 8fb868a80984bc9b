#!/bin/sh
# Builds the image shop:VERSION, optionally with a fault baked in:
#   build.sh v1
#   build.sh v3 never-healthy
#   build.sh v4 worker:exit-at-once
# SHOP_IMAGE names another repository than "shop".
set -eu

if [ $# -lt 1 ]; then
	sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
	exit 2
fi
version=$1
fault=${2:-}
here=$(cd "$(dirname "$0")" && pwd)
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

cd "$here"
CGO_ENABLED=0 GOTOOLCHAIN=local go build -trimpath \
	-ldflags "-s -w -X main.version=$version -X main.bakedFault=$fault" \
	-o "$context/shop" ./app
mkdir "$context/data"
cp Dockerfile "$context/"

# The classic builder needs neither buildx nor a registry. It fails when somebody
# removes any image while it looks through them for what it can reuse.
tries=5
until log=$(DOCKER_BUILDKIT=0 docker build --quiet --tag "${SHOP_IMAGE:-shop}:$version" "$context" 2>&1); do
	tries=$((tries - 1))
	case $log in
	*"unable to find image"*) [ "$tries" -gt 0 ] && continue ;;
	esac
	echo "$log" >&2
	exit 1
done
echo "${SHOP_IMAGE:-shop}:$version${fault:+ ($fault)}"
