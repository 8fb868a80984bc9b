package edge

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gapless/internal/edge/wire"
)

// What must not be repeated does not go out on a connection that idled for
// long, because the application may be closing it at that very moment.
func TestPostsLeaveIdleConnectionsAlone(t *testing.T) {
	t.Parallel()
	var connections atomic.Int32
	app := serveRaw(t, func(conn net.Conn, in *bufio.Reader) {
		number := fmt.Sprint(connections.Add(1))
		for {
			if _, err := readRequestHead(in); err != nil {
				return
			}
			// It says that it keeps connections for long: they do not grow too old on a busy machine.
			fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nKeep-Alive: timeout=600\r\nContent-Length: %d\r\n\r\n%s", len(number), number)
		}
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	client := connect(t, e.address)
	for _, step := range []struct{ method, connection string }{{"GET", "1"}, {"GET", "1"}, {"POST", "2"}, {"GET", "2"}, {"PATCH", "3"}} {
		client.say(step.method + " / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 0\r\n\r\n")
		client.want(step.method, 200, step.connection)
		time.Sleep(freshEnough + 50*time.Millisecond)
	}
}

// An application that dies with a request in its hands may have acted on it:
// only what changes nothing, or the same thing again, is sent once more.
func TestNothingIsDoneTwiceAfterAReusedConnectionDied(t *testing.T) {
	for method, calls := range map[string]int32{"GET": 2, "PUT": 2, "POST": 1, "PATCH": 1} {
		t.Run(method, func(t *testing.T) {
			want := map[int32]int{1: 502, 2: 200}[calls]
			status, seen, reused := statusAfterADeath(t, method)
			for tries := 0; !reused && tries < 100; tries++ {
				// The machine rested: the connection was too old, and the application did not die.
				status, seen, reused = statusAfterADeath(t, method)
			}
			if !reused || status != want || seen != calls {
				t.Errorf("got %d after %d calls, want %d after %d; on a reused connection: %t", status, seen, want, calls, reused)
			}
		})
	}
}

// statusAfterADeath lets an application die with a request in its hands, if that came
// on a connection that had carried another one.
func statusAfterADeath(t *testing.T, method string) (status int, calls int32, reused bool) {
	t.Helper()
	var seen atomic.Int32
	var died atomic.Bool
	app := serveRaw(t, func(conn net.Conn, in *bufio.Reader) {
		for first := true; ; first = false {
			head, err := readRequestHead(in)
			if err != nil {
				return
			}
			if counted := strings.Contains(head, " /counted "); counted && seen.Add(1) == 1 && !first {
				died.Store(true)
				return // read, and no answer
			}
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
		}
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	client := connect(t, e.address)
	client.say(get("/"))
	client.want("GET", 200, "ok")
	client.say(method + " /counted HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 0\r\n\r\n")
	response, _, _ := client.answer(method)
	return response.StatusCode, seen.Load(), died.Load()
}
