#!/bin/sh
# Makes sure that a Docker engine answers: uses the one that is reachable, else
# installs and starts one (Debian, root), else says what is missing. Running it
# again changes nothing.
set -eu

log=${GAPLESS_ENGINE_LOG:-/var/log/gapless-dockerd.log}
ready_seconds=60

answers() {
	command -v docker >/dev/null && docker version --format '{{.Server.Version}}' 2>/dev/null
}

missing() {
	echo "No Docker engine is reachable, and this script cannot start one: $1" >&2
	echo "Install Docker Engine 20.10 or newer, start it, and make sure that 'docker version' works for this user." >&2
	exit 1
}

install_engine() {
	command -v apt-get >/dev/null || missing "there is no apt-get here"
	echo "installing docker.io and iptables from Debian" >&2
	apt-get update -qq >&2
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
		docker.io iptables ca-certificates >/dev/null
	# Newer releases of Debian have the client in a package of its own.
	command -v docker >/dev/null || DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
		--no-install-recommends docker-cli >/dev/null
}

start_engine() {
	if [ -d /run/systemd/system ]; then
		systemctl start docker
		return
	fi
	pid=$(cat /var/run/docker.pid 2>/dev/null || true)
	if [ -n "$pid" ]; then
		# One that is starting is waited for; the pid file of one that is gone
		# would keep the next from starting.
		[ "$(cat "/proc/$pid/comm" 2>/dev/null)" = dockerd ] && return
		rm -f /var/run/docker.pid
	fi
	# A session of its own: it outlives the terminal and its signals.
	setsid dockerd >>"$log" 2>&1 </dev/null &
}

wait_until_ready() {
	waited=0
	until answers >/dev/null; do
		if [ "$waited" -ge $((ready_seconds * 5)) ]; then
			echo "dockerd did not answer within $ready_seconds s; the end of $log:" >&2
			tail -n 20 "$log" >&2 2>/dev/null || true
			exit 1
		fi
		sleep 0.2
		waited=$((waited + 1))
	done
}

if ! version=$(answers); then
	[ -n "${DOCKER_HOST:-}" ] && missing "DOCKER_HOST=$DOCKER_HOST does not answer"
	[ "$(id -u)" = 0 ] || missing "this is not root"
	if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
		install_engine
	fi
	answers >/dev/null || start_engine
	wait_until_ready
	version=$(answers)
fi
echo "Docker engine $version"
