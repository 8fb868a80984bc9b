#!/bin/sh
# Shows that the tests notice what they are there for. Each test/mutants/*.patch
# breaks the program in one way; its first line names the tests that must fail:
#   Killed-by: go test ./internal/edge/ -run TestClaim
# A mutant whose tests still pass has survived, and the script exits 1.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
# The copy is in another directory each time; without its path in the objects
# the build cache still serves.
export GOFLAGS=-trimpath
survived=0
count=0

for mutant in "$root"/test/mutants/*.patch; do
	[ -e "$mutant" ] || break
	count=$((count + 1))
	name=$(basename "$mutant" .patch)
	tests=$(sed -n '1s/^Killed-by: //p' "$mutant")
	[ -n "$tests" ] || {
		echo "$name: the first line must be 'Killed-by: COMMAND'" >&2
		exit 2
	}
	# The tree as it is, with what is not committed yet.
	rm -rf "$copy/tree"
	mkdir "$copy/tree"
	(cd "$root" && git ls-files -z --cached --others --exclude-standard | tar --null -T - -cf -) | tar -C "$copy/tree" -xf -
	git -C "$copy/tree" apply "$mutant" || {
		echo "$name: the patch does not apply; the code has moved on" >&2
		exit 2
	}
	# A mutant that does not build proves nothing.
	(cd "$copy/tree" && go build ./...) || {
		echo "$name: does not build" >&2
		exit 2
	}
	if (cd "$copy/tree" && sh -c "$tests") >"$copy/output" 2>&1; then
		echo "SURVIVED  $name  ($tests)"
		survived=$((survived + 1))
	else
		echo "killed    $name"
	fi
done

echo "$count mutants, $survived survived"
[ "$count" -gt 0 ] && [ "$survived" = 0 ]
