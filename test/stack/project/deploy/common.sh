# Read by the scripts beside it, not run.
set -eu
cd "$(dirname "$0")/.."

compose() { docker compose -f docker-compose.prod.yml "$@"; }

manage() { compose exec -T api python manage.py "$@"; }

check_health() {
	compose exec -T nginx curl -fsS -o /dev/null --max-time 5 http://localhost/health/ || {
		echo "the health check fails" >&2
		exit 1
	}
}
