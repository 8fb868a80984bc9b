//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// backedUpFiles are a service with files in a volume, one that reads them, and a
// Redis with a log, which wins over its dump at the start.
const backedUpFiles = `
  web:
    image: gapless-stack/postgres:15
    entrypoint: []
    command: [sleep, infinity]
    init: true
    user: "0:0"
    restart: unless-stopped
    volumes: ["media:/media"]
    x-gapless: {role: worker}
  reader:
    image: gapless-stack/postgres:15
    entrypoint: []
    command: [sleep, infinity]
    init: true
    volumes: ["media:/media:ro"]
    x-gapless: {role: worker}
  cache:
    image: gapless-stack/redis:7
    entrypoint: []
    command: [redis-server, --dir, /data, --requirepass, 'se:cr\et', --appendonly, "yes", --bind, 0.0.0.0]
    user: "0:0"
    volumes: ["cached:/data"]
    x-gapless: {role: stateful}
`

// in runs a command in a container of a service.
func (d *backedUp) in(t *testing.T, service string, arguments ...string) string {
	t.Helper()
	r := resultOf(t, d.command("docker", append([]string{"compose", "exec", "-T", service}, arguments...)...))
	if r.code != 0 {
		t.Fatalf("%s: %q: %s", service, arguments, r.output)
	}
	return strings.TrimSpace(r.output)
}

// addFiles starts the services whose files are backed up.
func (d *backedUp) addFiles(t *testing.T) {
	t.Helper()
	if d.files == backedUpFiles {
		return
	}
	d.files = backedUpFiles
	d.compose(secondMigration, "keep: 7")
	if r := resultOf(t, d.command("docker", "compose", "up", "-d", "--no-deps", "web", "reader", "cache")); r.code != 0 {
		t.Fatal(r.output)
	}
}

// listMedia prints all that a backup of the volume has to bring back.
const listMedia = `cd /media && find . -not -path '*/.gapless-*' -printf '%p %y %m %U:%G %T@ %l\n' | sort && find . -type f -not -path '*/.gapless-*' -exec sha256sum {} + | sort`

// volume backs a volume up that two services have, restores it, and is killed while
// files are exchanged.
func (d *backedUp) volume(t *testing.T) {
	d.addFiles(t)
	d.in(t, "web", "sh", "-c", `cd /media && mkdir -p a/b && head -c 3000000 /dev/urandom >a/photo && echo text >a/b/text && ln a/photo same && ln -s b/text a/link &&
		chown -R 1234:4321 a && chown -h 77:88 a/link && chmod 2750 a && touch -h -d '2001-02-03 04:05:06.5' a/link a/photo a/b a .`)
	then := d.in(t, "web", "sh", "-c", listMedia)
	d.gapless(t, 0, []string{"of media", "dump volume media of reader and web"}, "--progress", "plain", "backup", "create", "media")
	d.gapless(t, 0, []string{"can be restored: 7 names"}, "backup", "verify", "media")
	d.gapless(t, 13, []string{"volume data holds the data of db, which runs", "gapless backup create db"}, "backup", "create", "data")

	change := func() {
		d.in(t, "web", "sh", "-c", "cd /media && rm -rf a/b && echo other >a/photo && echo new >later")
	}
	change()
	d.gapless(t, 13, []string{"volume media of today holds", "--confirm " + d.project}, "backup", "restore", "media")
	d.gapless(t, 0, []string{"is restored and compared", "docker compose exec --user 0", ".gapless-before-"}, "backup", "restore", "media", "--confirm", d.project)
	if now := d.in(t, "web", "sh", "-c", listMedia); now != then {
		t.Errorf("restored\n%s\nof\n%s", now, then)
	}
	if later := d.in(t, "web", "sh", "-c", "cat /media/.gapless-before-*/later"); later != "new" {
		t.Errorf("kept of today: %q", later)
	}

	change()
	d.killWhile(t, "-swap", "backup", "restore", "media", "--confirm", d.project)
	d.gapless(t, 0, nil, "backup", "prune", "--dry-run")
	if now := d.in(t, "web", "sh", "-c", listMedia); now != then {
		t.Errorf("after a kill and another command\n%s\nof\n%s", now, then)
	}
	policy := resultOf(t, d.command("docker", "inspect", "--format", "{{.HostConfig.RestartPolicy.Name}}", d.project+"-web-1"))
	if strings.TrimSpace(policy.output) != "unless-stopped" {
		t.Errorf("restart policy: %s", policy.output)
	}
	if tools := d.tools(); len(tools) > 0 {
		t.Errorf("left: %q", tools)
	}
}

// redis backs a Redis up, restores it, and is killed while its files are exchanged.
func (d *backedUp) redis(t *testing.T) {
	d.addFiles(t)
	ask := func(arguments ...string) string {
		return d.in(t, "cache", append([]string{"redis-cli", "--no-auth-warning", "-a", `se:cr\et`}, arguments...)...)
	}
	ready := func() {
		t.Helper()
		waitFor(t, func() bool {
			r := resultOf(t, d.command("docker", "compose", "exec", "-T", "cache", "redis-cli", "--no-auth-warning", "-a", `se:cr\et`, "PING"))
			return strings.TrimSpace(r.output) == "PONG"
		})
	}
	ready()
	ask("MSET", "a", "1", "b", "2")
	ask("-n", "3", "SET", "c", "3")
	d.gapless(t, 0, []string{"of cache"}, "backup", "create", "cache")
	d.gapless(t, 0, []string{"can be restored: 2 databases with 3 keys"}, "backup", "verify", "cache")
	d.isPrivate(t)
	d.gapless(t, 13, []string{"volume cached holds the data of cache, which runs"}, "backup", "create", "cached")

	restored := func(when string) {
		t.Helper()
		ready()
		if a, c, later := ask("GET", "a"), ask("-n", "3", "GET", "c"), ask("EXISTS", "later"); a != "1" || c != "3" || later != "0" {
			t.Errorf("%s: %q, %q, %q", when, a, c, later)
		}
	}
	ask("MSET", "a", "other", "later", "x")
	d.gapless(t, 13, []string{"Redis cache of today holds 4 keys"}, "backup", "restore", "cache")
	d.gapless(t, 0, []string{"is restored and compared"}, "backup", "restore", "cache", "--confirm", d.project)
	restored("restored")
	ask("MSET", "a", "other", "later", "x")
	d.killWhile(t, "-swap", "backup", "restore", "cache", "--confirm", d.project)
	d.gapless(t, 0, nil, "backup", "prune", "--dry-run")
	restored("after a kill and another command")
}
