// Command backup measures gapless backup create beside plain pg_dump -Fc of the
// same database, in turn, and prints medians: the time of the dump, that of the
// whole backup with its proof, and the most memory that gapless had.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"filippo.io/age"
)

const image = "gapless-stack/postgres:15"

const composeFile = `
services:
  db:
    image: ` + image + `
    environment: {POSTGRES_USER: bench, POSTGRES_DB: bench, POSTGRES_PASSWORD: bench}
    volumes: ["data:/var/lib/postgresql/data"]
    healthcheck: {test: ["CMD-SHELL", "pg_isready -h localhost -U bench"], interval: 1s, timeout: 2s, retries: 30}
volumes: {data: {}}
`

// fill makes tables as applications have them: numbers, short texts that repeat
// and texts that do not, and indexes.
const fill = `
CREATE TABLE orders AS SELECT i AS id, i %% 1000 AS customer, now() - i * interval '1 second' AS made,
	md5(i::text) AS reference, repeat('a line of an order ', 1 + i %% 5) AS note, (i %% 9973)::numeric / 100 AS amount
	FROM generate_series(1, %d) i;
ALTER TABLE orders ADD PRIMARY KEY (id);
CREATE INDEX ON orders (customer);
CREATE INDEX ON orders (made);
ANALYZE;`

// bytesPerRow is what a row takes with its indexes.
const bytesPerRow = 205

// way is one way to get a dump.
type way struct {
	name string
	run  func(ctx context.Context) (measured, error)
}

type measured struct {
	dump, whole time.Duration
	bytes       int64
	peakBytes   int64 // resident; 0: not measured
}

// bench is the project that is dumped.
type bench struct {
	gapless, directory, project string
	recipient                   string
}

func main() {
	gapless := flag.String("gapless", "build/gapless", "program to measure")
	megabytes := flag.Int("size", 200, "of the database, in MB")
	rounds := flag.Int("rounds", 3, "how often each way is measured")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *gapless, *megabytes, *rounds); err != nil {
		fmt.Fprintln(os.Stderr, "backup:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, gapless string, megabytes, rounds int) (err error) {
	b, err := newBench(ctx, gapless)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.remove()) }()
	if _, err := b.docker(ctx, strings.NewReader(fmt.Sprintf(fill, megabytes*1_000_000/bytesPerRow)), "compose", "exec", "-T", "db", "psql", "-q", "-U", "bench", "-v", "ON_ERROR_STOP=1"); err != nil {
		return err
	}
	size, err := b.docker(ctx, nil, "compose", "exec", "-T", "db", "psql", "-U", "bench", "-Atc", "SELECT pg_database_size('bench')")
	if err != nil {
		return err
	}
	fmt.Printf("database of %s bytes, %d rounds, medians\n", strings.TrimSpace(size), rounds)
	ways := []way{
		{"pg_dump -Fc, streamed to the host", b.plain},
		{"gapless backup create", func(ctx context.Context) (measured, error) { return b.backup(ctx, false) }},
		{"gapless backup create, encrypted", func(ctx context.Context) (measured, error) { return b.backup(ctx, true) }},
	}
	results := make([][]measured, len(ways))
	for round := range rounds {
		for i := range ways {
			at := (i + round) % len(ways) // nobody is always first
			one, err := ways[at].run(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", ways[at].name, err)
			}
			results[at] = append(results[at], one)
		}
	}
	b.print(ways, results)
	return nil
}

func (b *bench) print(ways []way, results [][]measured) {
	base := median(results[0], func(m measured) time.Duration { return m.dump })
	for i, w := range ways {
		dump := median(results[i], func(m measured) time.Duration { return m.dump })
		whole := median(results[i], func(m measured) time.Duration { return m.whole })
		peak := int64(0)
		for _, m := range results[i] {
			peak = max(peak, m.peakBytes)
		}
		fmt.Printf("%-36s dump %6.2f s  speed %.2f  whole %6.2f s  %d MiB written", w.name, dump.Seconds(), base.Seconds()/dump.Seconds(), whole.Seconds(), results[i][0].bytes>>20)
		if peak > 0 {
			fmt.Printf("  peak %d MiB resident", peak>>20)
		}
		fmt.Println()
	}
}

func median(all []measured, of func(measured) time.Duration) time.Duration {
	var times []time.Duration
	for _, m := range all {
		times = append(times, of(m))
	}
	slices.Sort(times)
	return times[len(times)/2]
}

func newBench(ctx context.Context, gapless string) (*bench, error) {
	gapless, err := filepath.Abs(gapless)
	if err != nil {
		return nil, err
	}
	directory, err := os.MkdirTemp("", "benchbackup")
	if err != nil {
		return nil, err
	}
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, err
	}
	b := &bench{gapless: gapless, directory: directory, project: filepath.Base(directory), recipient: key.Recipient().String()}
	sealed := "x-gapless: {backup: {recipients: [" + b.recipient + "]}}\n"
	for name, content := range map[string]string{"compose.yaml": composeFile, "sealed.yaml": sealed} {
		if err := os.WriteFile(filepath.Join(directory, name), []byte(content), 0o600); err != nil {
			return nil, err
		}
	}
	_, err = b.docker(ctx, nil, "compose", "up", "-d", "--wait")
	return b, err
}

func (b *bench) remove() error {
	_, err := b.docker(context.Background(), nil, "compose", "down", "--volumes", "--timeout", "3")
	return errors.Join(err, os.RemoveAll(b.directory))
}

// command prepares a program in the directory of the project.
func (b *bench) command(ctx context.Context, name string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, name, arguments...)
	command.Dir = b.directory
	command.Env = append(os.Environ(), "COMPOSE_PROJECT_NAME="+b.project, "GAPLESS_STATE_DIR="+filepath.Join(b.directory, "state"))
	return command
}

func (b *bench) docker(ctx context.Context, input *strings.Reader, arguments ...string) (string, error) {
	command := b.command(ctx, "docker", arguments...)
	var said, complained bytes.Buffer
	command.Stdout, command.Stderr = &said, &complained
	if input != nil {
		command.Stdin = input
	}
	if err := command.Run(); err != nil {
		return "", fmt.Errorf("docker %s: %w\n%s", strings.Join(arguments, " "), err, complained.String())
	}
	return said.String(), nil
}

// plain is what is done by hand: no checksum, no sync, no proof.
func (b *bench) plain(ctx context.Context) (measured, error) {
	file, err := os.Create(filepath.Join(b.directory, "plain.dump"))
	if err != nil {
		return measured{}, err
	}
	defer file.Close()
	command := b.command(ctx, "docker", "exec", b.project+"-db-1", "pg_dump", "-U", "bench", "-Fc", "bench")
	command.Stdout = file
	began := time.Now()
	if err := command.Run(); err != nil {
		return measured{}, err
	}
	took := time.Since(began)
	about, err := file.Stat()
	if err != nil {
		return measured{}, err
	}
	return measured{dump: took, whole: took, bytes: about.Size()}, nil
}

func (b *bench) backup(ctx context.Context, sealed bool) (measured, error) {
	arguments := []string{"-f", "compose.yaml"}
	if sealed {
		arguments = append(arguments, "-f", "sealed.yaml")
	}
	command := b.command(ctx, b.gapless, append(arguments, "--progress", "json", "backup", "create")...)
	output, err := command.Output()
	if err != nil {
		return measured{}, fmt.Errorf("%w\n%s", err, output)
	}
	lines := bytes.Split(bytes.TrimSpace(output), []byte("\n"))
	var report struct {
		Bytes   int64 `json:"bytes"`
		DumpMS  int64 `json:"dump_ms"`
		ProofMS int64 `json:"proof_ms"`
	}
	if err := json.Unmarshal(lines[len(lines)-1], &report); err != nil {
		return measured{}, err
	}
	m := measured{dump: time.Duration(report.DumpMS) * time.Millisecond, bytes: report.Bytes}
	m.whole = m.dump + time.Duration(report.ProofMS)*time.Millisecond
	if usage, ok := command.ProcessState.SysUsage().(*syscall.Rusage); ok {
		m.peakBytes = usage.Maxrss << 10
	}
	return m, nil
}
