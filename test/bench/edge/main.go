// Command edge compares what one small proxied request costs in CPU time behind the
// edge, nginx and HAProxy, side by side on this machine, and what each takes idle.
//
// All three stand before the same upstream (an nginx of its own), on loopback, with 32
// kept-alive connections. CPU time is read from the scheduler statistics of the
// proxy's own process tree; the order alternates and medians are reported.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gapless/internal/edge/wire"
)

// contender is one proxy under measurement.
type contender struct {
	name    string
	address string
	process *exec.Cmd
	// cost is CPU microseconds per request, rate is requests per second.
	cost, rate []float64
	idleKB     int
}

func main() {
	seconds := flag.Int("seconds", 2, "length of one measurement")
	rounds := flag.Int("rounds", 3, "measurements of each proxy")
	body := flag.Int("body", 128, "bytes of the answer")
	only := flag.String("only", "", "measure only this proxy")
	flag.Parse()
	if err := run(*seconds, *rounds, *body, *only); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(seconds, rounds, body int, only string) error {
	directory, err := os.MkdirTemp("", "edgebench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(directory)
	upstream, stopUpstream, err := startUpstream(directory, body)
	if err != nil {
		return err
	}
	defer stopUpstream()
	var all []*contender
	defer func() {
		for _, c := range all {
			c.process.Process.Signal(syscall.SIGTERM)
			c.process.Wait()
		}
	}()
	for name, begin := range map[string]func(string, string) (*contender, error){
		"edge": startEdge, "nginx": startNginx, "haproxy": startHAProxy,
	} {
		if only != "" && only != name {
			continue
		}
		c, err := begin(directory, upstream)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b *contender) int { return strings.Compare(a.name, b.name) })
	time.Sleep(300 * time.Millisecond)
	for _, c := range all {
		c.idleKB = residentKB(c.process.Process.Pid)
	}
	for round := range rounds {
		for _, c := range all {
			if err := c.measure(seconds); err != nil {
				return fmt.Errorf("%s: round %d: %w", c.name, round, err)
			}
		}
		slices.Reverse(all)
	}
	time.Sleep(500 * time.Millisecond)
	report(all)
	return nil
}

func report(all []*contender) {
	base := 0.0
	for _, c := range all {
		if c.name == "nginx" {
			base = median(c.cost)
		}
	}
	fmt.Printf("%-8s %12s %8s %12s %10s %10s\n", "proxy", "CPU us/req", "x nginx", "requests/s", "idle MiB", "after MiB")
	slices.SortFunc(all, func(a, b *contender) int { return strings.Compare(a.name, b.name) })
	for _, c := range all {
		ratio := "-"
		if base > 0 {
			ratio = fmt.Sprintf("%.2f", median(c.cost)/base)
		}
		fmt.Printf("%-8s %12.1f %8s %12.0f %10.1f %10.1f\n", c.name, median(c.cost), ratio, median(c.rate),
			float64(c.idleKB)/1024, float64(residentKB(c.process.Process.Pid))/1024)
	}
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if len(sorted) == 0 {
		return 0
	}
	return sorted[len(sorted)/2]
}

// measure drives wrk for some seconds and relates CPU time to requests.
func (c *contender) measure(seconds int) error {
	before := cpuNanoseconds(c.process.Process.Pid)
	began := time.Now()
	out, err := exec.Command("wrk", "-t1", "-c32", "-d"+strconv.Itoa(seconds)+"s", "http://"+c.address+"/").CombinedOutput()
	if err != nil {
		return fmt.Errorf("wrk: %w: %s", err, out)
	}
	took := time.Since(began)
	used := cpuNanoseconds(c.process.Process.Pid) - before
	requests := 0
	for _, line := range strings.Split(string(out), "\n") {
		fields := strings.Fields(line)
		if len(fields) > 2 && fields[1] == "requests" {
			requests, _ = strconv.Atoi(fields[0])
		}
		if strings.Contains(line, "Non-2xx") || strings.Contains(line, "Socket errors") {
			return fmt.Errorf("wrk saw errors: %s", line)
		}
	}
	if requests == 0 {
		return fmt.Errorf("no requests: %s", out)
	}
	c.cost = append(c.cost, float64(used)/1000/float64(requests))
	c.rate = append(c.rate, float64(requests)/took.Seconds())
	return nil
}

// tree lists a process and its descendants.
func tree(pid int) []int {
	pids := []int{pid}
	children, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, path := range children {
		content, _ := os.ReadFile(path)
		for _, field := range strings.Fields(string(content)) {
			if child, err := strconv.Atoi(field); err == nil {
				pids = append(pids, tree(child)...)
			}
		}
	}
	return pids
}

// cpuNanoseconds sums what the scheduler granted to every thread of the tree.
func cpuNanoseconds(pid int) (sum int64) {
	for _, member := range tree(pid) {
		threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", member))
		for _, path := range threads {
			content, _ := os.ReadFile(path)
			if fields := strings.Fields(string(content)); len(fields) > 0 {
				used, _ := strconv.ParseInt(fields[0], 10, 64)
				sum += used
			}
		}
	}
	return sum
}

func residentKB(pid int) (sum int) {
	for _, member := range tree(pid) {
		content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", member))
		for _, line := range strings.Split(string(content), "\n") {
			if fields := strings.Fields(line); len(fields) > 1 && fields[0] == "VmRSS:" {
				kilobytes, _ := strconv.Atoi(fields[1])
				sum += kilobytes
			}
		}
	}
	return sum
}

func freeAddress() string {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer socket.Close()
	return socket.Addr().String()
}

// launch starts a program and waits until its address answers.
func launch(name, address string, command *exec.Cmd) (*contender, error) {
	var said bytes.Buffer
	command.Stderr = &said
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := command.Start(); err != nil {
		return nil, err
	}
	return &contender{name: name, address: address, process: command}, awaitAddress(address)
}

func awaitAddress(address string) error {
	for range 500 {
		if conn, err := net.Dial("tcp", address); err == nil {
			return conn.Close()
		}
		time.Sleep(10 * time.Millisecond)
	}
	return fmt.Errorf("nobody listens on %s", address)
}

const nginxConfig = `daemon off;
worker_processes %d;
pid %s/nginx.pid;
error_log %s/error.log crit;
events { worker_connections 1024; }
http {
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path %s/body; proxy_temp_path %s/proxy; fastcgi_temp_path %s/fastcgi;
  uwsgi_temp_path %s/uwsgi; scgi_temp_path %s/scgi;
  %s
}
`

func nginx(directory, name, server string, workers int) (*exec.Cmd, error) {
	home := filepath.Join(directory, name)
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	config := filepath.Join(home, "nginx.conf")
	content := fmt.Sprintf(nginxConfig, workers, home, home, home, home, home, home, home, server)
	if err := os.WriteFile(config, []byte(content), 0o644); err != nil {
		return nil, err
	}
	return exec.Command("nginx", "-p", home, "-c", config, "-e", filepath.Join(home, "error.log")), nil
}

func startUpstream(directory string, body int) (address string, stop func(), err error) {
	address = freeAddress()
	server := fmt.Sprintf("server { listen %s; location / { default_type text/plain; return 200 %q; } }", address, strings.Repeat("x", body))
	command, err := nginx(directory, "upstream", server, 1)
	if err != nil {
		return "", nil, err
	}
	c, err := launch("upstream", address, command)
	if err != nil {
		return "", nil, err
	}
	return address, func() {
		c.process.Process.Signal(syscall.SIGTERM)
		c.process.Wait()
	}, nil
}

func startNginx(directory, upstream string) (*contender, error) {
	address := freeAddress()
	server := fmt.Sprintf(`upstream app { server %s; keepalive 64; keepalive_requests 100000000; }
  server { listen %s; location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $host; } }`, upstream, address)
	command, err := nginx(directory, "proxy", server, 2)
	if err != nil {
		return nil, err
	}
	return launch("nginx", address, command)
}

func startHAProxy(directory, upstream string) (*contender, error) {
	address := freeAddress()
	config := filepath.Join(directory, "haproxy.cfg")
	content := fmt.Sprintf(`global
  nbthread 2
  maxconn 2000
defaults
  mode http
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  http-reuse always
frontend in
  bind %s
  option forwardfor
  default_backend app
backend app
  server a %s
`, address, upstream)
	if err := os.WriteFile(config, []byte(content), 0o644); err != nil {
		return nil, err
	}
	return launch("haproxy", address, exec.Command("haproxy", "-db", "-f", config))
}

func startEdge(directory, upstream string) (*contender, error) {
	state := filepath.Join(directory, "state")
	program := filepath.Join(directory, "gapless-edge")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", program, "gapless/cmd/gapless-edge")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build: %w: %s", err, out)
	}
	command := exec.Command(program, "run", "--state-dir", state, "--drain", "1s")
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := command.Start(); err != nil {
		return nil, err
	}
	c := &contender{name: "edge", address: freeAddress(), process: command}
	socket := filepath.Join(state, wire.ControlSocketName)
	for range 500 {
		if _, err := os.Stat(socket); err == nil {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if err := put(socket, c.address, upstream); err != nil {
		return c, err
	}
	return c, awaitAddress(c.address)
}

func put(socket, address, upstream string) error {
	config := wire.ProjectConfig{
		Project:   "bench",
		Listeners: []wire.Listener{{Name: "public", Network: "tcp", Address: address}},
		Services: []wire.Service{{Name: "web", Targets: []wire.Target{
			{ID: "web-1", Generation: "1", Address: upstream, Weight: 1},
		}}},
	}
	content, err := json.Marshal(wire.PutRequest{Config: config})
	if err != nil {
		return err
	}
	client := http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}}}
	request, err := http.NewRequest("PUT", fmt.Sprintf("http://edge/v%d/projects/bench", wire.Version), bytes.NewReader(content))
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("put: %s", response.Status)
	}
	return nil
}
