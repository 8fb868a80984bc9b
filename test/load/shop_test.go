package load

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// shopProcesses runs the example application without containers.
type shopProcesses struct {
	t      *testing.T
	binary string
	store  string
	public string
}

func (s *shopProcesses) start(service, address string) *exec.Cmd {
	s.t.Helper()
	command := exec.Command(s.binary, service)
	command.Env = append(os.Environ(), "SHOP_LISTEN="+address, "SHOP_STORE=http://"+s.store, "SHOP_DATA="+s.t.TempDir())
	if err := command.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { command.Process.Kill(); command.Wait() })
	client := http.Client{Timeout: time.Second}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		response, err := client.Get("http://" + address + "/health")
		if err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return command
			}
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("%s does not answer: %v", service, err)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

func startShop(t *testing.T) *shopProcesses {
	t.Helper()
	s := &shopProcesses{t: t, binary: filepath.Join(t.TempDir(), "shop"), store: freeAddress(t), public: freeAddress(t)}
	build := exec.Command("go", "build", "-o", s.binary, "gapless/examples/shop/app")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	s.start("store", s.store)
	s.start("worker", freeAddress(t))
	s.start("scheduler", freeAddress(t))
	return s
}

func shopConfig(address string) Config {
	config := Default("http://" + address)
	config.RatePerSecond = 100
	config.Streams = true
	config.TransferBytes = 2 << 20
	config.TransferSpread = 500 * time.Millisecond
	return config
}

// Nothing goes wrong where nothing is updated: streams, transfers and journal
// included.
func TestShopUntouchedIsClean(t *testing.T) {
	s := startShop(t)
	s.start("api", s.public)
	run, err := Start(context.Background(), shopConfig(s.public))
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(1500 * time.Millisecond)
	report := run.Stop()
	if !report.Clean() || report.Journal.Orders == 0 || report.Journal.Jobs != report.Journal.Orders {
		report.Print(t.Output())
		t.Fatal("the run is not clean")
	}
	if report.Streams.Echoes < 10 || report.Streams.Events < 10 || report.Served() != "dev" {
		t.Errorf("streams %+v, served %q", report.Streams, report.Served())
	}
}

// A restart in place loses requests, and the report must say so, while the
// streams end in order and the orders that were answered are in the journal.
func TestShopRestartIsSeen(t *testing.T) {
	s := startShop(t)
	api := s.start("api", s.public)
	config := shopConfig(s.public)
	config.TransferBytes = 0
	run, err := Start(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(700 * time.Millisecond)
	api.Process.Signal(syscall.SIGTERM)
	api.Wait()
	s.start("api", s.public)
	time.Sleep(700 * time.Millisecond)
	report := run.Stop()
	if report.Failed == 0 || report.LongestOutageMS == 0 || report.Clean() {
		t.Errorf("a restart looks clean: %d failed of %d", report.Failed, report.Requests)
	}
	if report.Streams.SocketCloses != 1 || report.Streams.EventsEnds != 1 || report.Streams.EventsMissing != 0 {
		t.Errorf("streams %+v", report.Streams)
	}
	if j := report.Journal; j.Error != "" || len(j.Vanished)+len(j.Doubled)+len(j.LostJobs) > 0 {
		t.Errorf("journal %+v", j)
	}
}
