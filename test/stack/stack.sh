#!/bin/sh
# The stack of a typical small server (nginx, Django under gunicorn, Celery
# worker and beat, Postgres, Redis), with real parts and without a registry:
#   stack.sh images            what the stack runs on; made once
#   stack.sh new DIR           the checkout of a server in DIR; its origin is DIR.git
#   stack.sh changes           what apply and push know
#   stack.sh apply DIR CHANGE  what a developer pushes, pulled; and what belongs in .env
#   stack.sh push DIR CHANGE   what a developer pushes, not pulled yet
#   stack.sh revert DIR        takes back what was pushed last, and pulls that
#   stack.sh set DIR KEY=VALUE...  settings of the server, in DIR/.env
#   stack.sh up DIR            the first deployment; returns when nginx serves the API
#   stack.sh down DIR          removes it with its data; the checkout stays
# "docker compose" must be there: scripts/tools.sh prints a DOCKER_CONFIG with it.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
# The settings of whoever runs this must not matter to git.
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=developer GIT_AUTHOR_EMAIL=developer@tours.example
export GIT_COMMITTER_NAME=developer GIT_COMMITTER_EMAIL=developer@tours.example

fail() {
	echo "stack.sh: $*" >&2
	exit 2
}

# The packages of both images; nginx, Postgres and Redis share one file system.
base() {
	case $1 in
	python) "$root/scripts/debian-image.sh" python python3-django gunicorn celery python3-redis python3-psycopg2 \
		python3-pip python-is-python3 curl ;;
	services) "$root/scripts/debian-image.sh" services nginx postgresql redis-server curl ;;
	esac
}

images() {
	"$root/scripts/engine.sh" >&2
	docker compose version >/dev/null 2>&1 || fail "docker compose is missing: set DOCKER_CONFIG to what scripts/tools.sh prints"
	"$root/scripts/tools.sh" images
	# Two at a time: each keeps one core busy.
	printf 'python\nservices\n' | xargs -P 2 -I '{}' "$0" base '{}' >/dev/null
	python=$(base python)
	services=$(base services)
	build "$python" python:3.11
	build "$services" nginx:1.22
	build "$services" postgres:15
	build "$services" redis:7
}

# build BASE NAME:TAG; the builder's cache makes a repetition cheap. The classic
# builder fails when somebody removes any image while it looks through them for
# what it can reuse.
build() {
	tries=5
	until log=$(DOCKER_BUILDKIT=0 docker build --quiet --build-arg "BASE=$1" --tag "gapless-stack/$2" \
		"$here/images/${2%:*}" 2>&1); do
		tries=$((tries - 1))
		case $log in
		*"unable to find image"*) [ "$tries" -gt 0 ] && continue ;;
		esac
		echo "$log" >&2
		exit 1
	done
}

new() {
	[ ! -e "$1" ] || fail "$1 exists already"
	mkdir -p "$1"
	cp -R "$here/project/." "$1"
	cp "$1/.env.example" "$1/.env"
	git init --quiet --bare --initial-branch main "$1.git"
	git -C "$1" init --quiet --initial-branch main
	git -C "$1" add --all
	git -C "$1" commit --quiet --message "Tours"
	git -C "$1" remote add origin "$(cd "$1.git" && pwd)"
	git -C "$1" push --quiet --set-upstream origin main
}

known() { [ -e "$here/changes/$1.patch" ] || [ -e "$here/changes/$1.env" ] || fail "no change $1; there are: $(changes | tr '\n' ' ')"; }

changes() {
	for file in "$here"/changes/*; do
		basename "${file%.*}"
	done | sort -u
}

# developer gets a checkout of their own, for one push.
developer() {
	clone=$(mktemp -d)
	trap 'rm -rf "$clone"' EXIT
	git clone --quiet "$1.git" "$clone"
}

# A line "Version: NAME" of a patch is the version that the application reports
# from then on; the first line is the message of the commit.
push() {
	known "$2"
	patch=$here/changes/$2.patch
	[ -e "$patch" ] || return 0
	developer "$1"
	# Changes of neighbouring lines may come in any order.
	git -C "$clone" apply --index -C1 "$patch"
	version=$(sed -n '/^diff /q; s/^Version: //p' "$patch")
	[ -z "$version" ] || echo "$version" >"$clone/VERSION"
	git -C "$clone" commit --quiet --all --message "$(head -n 1 "$patch")"
	git -C "$clone" push --quiet
}

apply() {
	push "$1" "$2"
	git -C "$1" pull --quiet --ff-only
	[ ! -e "$here/changes/$2.env" ] || {
		while IFS= read -r setting; do
			set_one "$1/.env" "$setting"
		done <"$here/changes/$2.env"
	}
}

revert() {
	developer "$1"
	git -C "$clone" revert --no-edit HEAD >/dev/null
	git -C "$clone" push --quiet
	git -C "$1" pull --quiet --ff-only
}

# set_one FILE KEY=VALUE replaces the line of the key, or adds one.
set_one() {
	key=${2%%=*}
	grep -v "^$key=" "$1" >"$1.new" || true
	printf '%s\n' "$2" >>"$1.new"
	mv "$1.new" "$1"
}

up() {
	"$1/deploy/install.sh" >&2
	(cd "$1" && waited=0 && until docker compose -f docker-compose.prod.yml exec -T nginx \
		curl -fsS -o /dev/null --max-time 2 http://localhost/health/ 2>/dev/null; do
		waited=$((waited + 1))
		[ "$waited" -lt 150 ] || fail "nginx does not serve the API"
		sleep 0.2
	done)
}

down() {
	(cd "$1" && docker compose -f docker-compose.prod.yml down --volumes --timeout 3)
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command:$# in
images:0 | changes:0 | base:1 | new:1 | push:2 | apply:2 | revert:1 | up:1 | down:1) "$command" "$@" ;;
set:*)
	directory=$1
	shift
	for setting in "$@"; do
		set_one "$directory/.env" "$setting"
	done
	;;
*)
	sed -n '2,14s/^# \{0,1\}//p' "$0" >&2
	exit 2
	;;
esac
