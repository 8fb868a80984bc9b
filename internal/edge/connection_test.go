package edge

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gapless/internal/edge/wire"

	"github.com/coder/websocket"
)

// A client may close its sending side right after the request and must get its answer.
func TestHalfClosedClientGetsItsAnswer(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		time.Sleep(30 * time.Millisecond)
		w.Write(body)
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	for range 5 {
		client := connect(t, e.address)
		client.say("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\nhello")
		client.Conn.(*net.TCPConn).CloseWrite()
		client.want("POST", 200, "hello")
		client = connect(t, e.address)
		client.say("POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
		client.say("0\r\n\r\n")
		client.Conn.(*net.TCPConn).CloseWrite()
		client.want("POST", 200, "hello")
	}
}

func TestExpectContinue(t *testing.T) {
	app := serveRaw(t, func(conn net.Conn, in *bufio.Reader) {
		for {
			head, err := readRequestHead(in)
			if err != nil {
				return
			}
			if strings.HasPrefix(head, "POST /early") {
				io.WriteString(conn, "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno")
				return
			}
			if strings.HasPrefix(head, "POST /asks") {
				io.WriteString(conn, "HTTP/1.1 100 Continue\r\n\r\n")
			}
			body := make([]byte, 5)
			io.ReadFull(in, body)
			io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"+string(body))
		}
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	head := "POST %s HTTP/1.1\r\nHost: shop.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"

	client := connect(t, e.address)
	client.say(fmt.Sprintf(head, "/asks"))
	if line, _ := client.in.ReadString('\n'); line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("got %q", line)
	}
	client.in.ReadString('\n')
	client.say("hello")
	client.want("POST", 200, "hello")

	client.say(fmt.Sprintf(head, "/silent"))
	client.say("world") // without waiting
	client.want("POST", 200, "world")

	client.say(fmt.Sprintf(head, "/early"))
	if response := client.want("POST", 417, "no"); !response.Close {
		t.Fatal("a connection with an unread body must close")
	}
}

// An application may answer without reading the body: the answer arrives, whatever
// the client still sends, and the connection is not used again.
func TestEarlyAnswer(t *testing.T) {
	app := serveRaw(t, func(conn net.Conn, in *bufio.Reader) {
		readRequestHead(in)
		io.WriteString(conn, "HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nlong")
		time.Sleep(100 * time.Millisecond)
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	for range 5 {
		client := connect(t, e.address)
		client.say("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 8000000\r\n\r\n")
		go client.Write(make([]byte, 8000000))
		if response := client.want("POST", 413, "long"); !response.Close {
			t.Fatal("not closed")
		}
	}
	if stats := e.finished("web-1"); stats.FailureTotal() != 0 {
		t.Fatalf("failures %v", stats.Failures)
	}
}

// An upload that the client breaks off must not look whole to the application.
func TestBrokenUploadIsCutForTheApplicationToo(t *testing.T) {
	results := make(chan error, 2)
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		results <- err
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	client := connect(t, e.address)
	client.say("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 100000\r\n\r\nhello")
	await(t, "the claim", func() bool { return e.inFlightOf("web-1") == 1 })
	client.Close()
	if err := <-results; err == nil {
		t.Fatal("the application took a cut body for a whole one")
	}
	await(t, "the abort is counted", func() bool { return e.stats("web-1").ClientAborts == 1 })
	client = connect(t, e.address)
	client.say("POST / HTTP/1.1\r\nHost: shop.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
	client.say("zz\r\n")
	if err := <-results; err == nil {
		t.Fatal("the application took a broken body for a whole one")
	}
	client.want("POST", 400, "400 Bad Request: bad_request\n")
	if stats := e.finished("web-1"); stats.FailureTotal() != 0 {
		t.Fatalf("failures %v", stats.Failures)
	}
}

func TestWebSocket(t *testing.T) {
	leakCheck(t)
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		socket, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		for {
			kind, message, err := socket.Read(context.Background())
			if err != nil {
				return
			}
			socket.Write(context.Background(), kind, message)
		}
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	defer cancel()
	socket, _, err := websocket.Dial(ctx, "ws://"+e.address+"/chat", nil)
	if err != nil {
		t.Fatal(err)
	}
	e.route(wire.Target{ID: "web-1", Generation: "web-1", Address: app, Weight: 0})
	for i := range 100 {
		message := bytes.Repeat([]byte{byte(i)}, i*100)
		if err := socket.Write(ctx, websocket.MessageBinary, message); err != nil {
			t.Fatal(err)
		}
		if _, got, err := socket.Read(ctx); err != nil || !bytes.Equal(got, message) {
			t.Fatalf("echo %d: %v", i, err)
		}
	}
	if e.inFlightOf("web-1") != 1 {
		t.Fatal("the tunnel is not in flight")
	}
	socket.Close(websocket.StatusNormalClosure, "")
	await(t, "the tunnel ends", func() bool { return e.inFlightOf("web-1") == 0 })
}

func TestRefusedUpgradeIsAnOrdinaryAnswer(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) })
	e := start(t, wire.Limits{}, at("web-1", app))
	client := connect(t, e.address)
	for range 2 {
		client.say("GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		client.want("GET", 403, "no\n")
	}
}

func TestEventsArriveAtOnce(t *testing.T) {
	next := make(chan struct{})
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		for i := range 3 {
			<-next
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
		}
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	client := connect(t, e.address)
	client.say(get("/"))
	response, err := http.ReadResponse(client.in, nil) // the head comes before any event
	if err != nil {
		t.Fatal(err)
	}
	events := bufio.NewReader(response.Body)
	for i := range 3 {
		next <- struct{}{}
		if line, _ := events.ReadString('\n'); line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("got %q", line)
		}
		events.ReadString('\n')
	}
	if _, err := events.ReadByte(); err != io.EOF {
		t.Fatal(err)
	}
}

// A stream whose client has gone ends for the application too.
func TestStreamEndsWithItsClient(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		close(ended)
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	client := connect(t, e.address)
	client.say(get("/"))
	http.ReadResponse(client.in, nil)
	client.Conn.(*net.TCPConn).SetLinger(0)
	client.Close()
	<-ended
	await(t, "the claim ends", func() bool { return e.inFlightOf("web-1") == 0 })
	if stats := e.finished("web-1"); stats.ClientAborts != 1 || stats.FailureTotal() != 0 {
		t.Fatalf("stats %+v", stats)
	}
}

const bigBody = 100 << 20

// pattern is a stream whose bytes depend on their place.
type pattern struct{ at, size int64 }

func (p *pattern) Read(b []byte) (int, error) {
	if p.at == p.size {
		return 0, io.EOF
	}
	n := int(min(int64(len(b)), p.size-p.at))
	for i := range n {
		b[i] = byte((p.at + int64(i)) * 31 >> 3)
	}
	p.at += int64(n)
	return n, nil
}

// digest tells how many bytes came, which ones, and how it ended.
func digest(in io.Reader) string {
	hash := sha256.New()
	n, err := io.Copy(hash, in)
	return fmt.Sprintf("%d %x %v", n, hash.Sum(nil), err)
}

func TestBigBodiesInFlatMemory(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			io.WriteString(w, digest(r.Body))
			return
		}
		size, _ := strconv.ParseInt(r.URL.Query().Get("size"), 10, 64)
		if r.URL.Path == "/length" {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		}
		io.Copy(w, &pattern{size: size})
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, test := range []struct {
		method, path   string
		size, declared int64
	}{
		{"GET", "/length", bigBody, 0}, {"GET", "/chunked", bigBody / 8, 0},
		{"POST", "/", bigBody / 8, bigBody / 8}, {"POST", "/", bigBody, -1},
	} {
		var body io.Reader
		if test.method == "POST" {
			body = &pattern{size: test.size}
		}
		request, _ := http.NewRequest(test.method, fmt.Sprintf("http://%s%s?size=%d", e.address, test.path, test.size), body)
		request.ContentLength = test.declared
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		want := digest(&pattern{size: test.size})
		got := ""
		if test.method == "GET" {
			got = digest(response.Body)
		} else if told, err := io.ReadAll(response.Body); err == nil {
			got = string(told)
		}
		if got != want {
			t.Errorf("%s %s: got %s, want %s", test.method, test.path, got, want)
		}
	}
	http.DefaultClient.CloseIdleConnections()
	runtime.ReadMemStats(&after)
	if grown := int64(after.TotalAlloc - before.TotalAlloc); grown > 16<<20 {
		t.Errorf("225 MiB of bodies allocated %d bytes", grown)
	}
}

// A reader far slower than the application gets every byte.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(8<<20))
		io.Copy(w, &pattern{size: 8 << 20})
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	client := connect(t, e.address)
	client.say(get("/"))
	response, err := http.ReadResponse(client.in, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, wanted := sha256.New(), sha256.New()
	io.Copy(wanted, &pattern{size: 8 << 20})
	buffer := make([]byte, 256<<10)
	for {
		time.Sleep(10 * time.Millisecond)
		n, err := io.ReadFull(response.Body, buffer)
		got.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	if !bytes.Equal(got.Sum(nil), wanted.Sum(nil)) {
		t.Fatal("bytes differ")
	}
}

func TestResponseTimeout(t *testing.T) {
	var calls atomic.Int32
	app := serveRaw(t, func(conn net.Conn, in *bufio.Reader) {
		readRequestHead(in)
		calls.Add(1)
		in.ReadByte()
	})
	e := start(t, wire.Limits{ResponseMaxWaitMilliseconds: 100}, at("web-1", app))
	client := connect(t, e.address)
	client.say(get("/"))
	client.want("GET", 504, "504 Gateway Timeout: timeout\n")
	if calls.Load() != 1 {
		t.Fatalf("asked %d times", calls.Load())
	}
}

func TestPipelinedRequests(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) })
	e := start(t, wire.Limits{}, at("web-1", app))
	client := connect(t, e.address)
	client.say(get("/1") + "POST /2 HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 3\r\n\r\nabc\r\n" + get("/3"))
	for _, path := range []string{"/1", "/2", "/3"} {
		client.want("GET", 200, path)
	}
}
