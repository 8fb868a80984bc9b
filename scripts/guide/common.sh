# Read by the scripts beside it, not run. COMPOSE_FILE, COMPOSE_PROJECT_NAME,
# SHOP_PORT and SHOP_TAG come from the environment, as docker compose takes them.
set -eu
: "${COMPOSE_FILE:=$(cd "$(dirname "$0")" && pwd)/compose.nginx.yaml}"
: "${SHOP_PORT:=8080}"
export COMPOSE_FILE SHOP_PORT

# check_health is the guide's last step: one look through the public port.
check_health() {
	curl --silent --fail --max-time 5 "http://127.0.0.1:$SHOP_PORT/health" >/dev/null || {
		echo "the health check fails" >&2
		exit 1
	}
}
