package load

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
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
	client := http.Client{Timeout: patience}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
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

// patience is how long a test waits for anything before it gives up, on a machine
// that has much else to do.
const patience = 2 * time.Minute

// lastPort is the port that freeAddress gave out last.
var lastPort atomic.Int32

// freeAddress is one that nobody listens on. It is of this process alone, and its
// port none that the kernel hands out: nobody takes it meanwhile.
func freeAddress(t *testing.T) string {
	t.Helper()
	for {
		address := fmt.Sprintf("127.79.%d.%d:%d", os.Getpid()>>8&0xff, os.Getpid()&0xff, 10_000+lastPort.Add(1)%10_000)
		if listener, err := net.Listen("tcp", address); err == nil {
			listener.Close()
			return address
		}
	}
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
	config.Timeout, config.JournalPatience = patience, patience
	return config
}

// until waits for what the streams and requests of a run come to.
func until(t *testing.T, run *Run, enough func(streams StreamReport, samples []Sample) bool) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		run.mutex.Lock()
		streams := run.streams
		run.mutex.Unlock()
		if enough(streams, run.Samples()) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not enough happens: %+v", streams)
		}
	}
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
	until(t, run, func(streams StreamReport, samples []Sample) bool {
		posts := slices.ContainsFunc(samples, func(s Sample) bool { return s.Journalled })
		large := slices.ContainsFunc(samples, func(s Sample) bool { return s.Target == "upload-large" })
		return streams.Echoes >= 10 && streams.Events >= 10 && posts && large
	})
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
	until(t, run, func(streams StreamReport, samples []Sample) bool {
		return streams.Echoes > 0 && streams.Events > 0 && len(samples) > 20
	})
	api.Process.Signal(syscall.SIGTERM)
	api.Wait()
	failed := func(samples []Sample) bool {
		return slices.ContainsFunc(samples, func(s Sample) bool { return s.Failed() })
	}
	until(t, run, func(_ StreamReport, samples []Sample) bool { return failed(samples) })
	s.start("api", s.public)
	until(t, run, func(streams StreamReport, samples []Sample) bool {
		last := samples[len(samples)-1]
		return streams.SocketConnects > 1 && streams.EventsConnects > 1 && !last.Failed()
	})
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
