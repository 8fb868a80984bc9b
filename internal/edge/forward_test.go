package edge

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"gapless/internal/edge/http1"
	"gapless/internal/edge/wire"
)

func TestForwardsSmallRequestsOnOneConnection(t *testing.T) {
	leakCheck(t)
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", r.Method+" "+r.Host+r.URL.RequestURI())
		w.Write(append([]byte("app:"), body...))
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	client := connect(t, e.address)
	for range 3 {
		client.say(get("/a%2Fb?x=1&y=%20"))
		response := client.want("GET", 200, "app:")
		if seen := response.Header.Get("X-Seen"); seen != "GET shop.test/a%2Fb?x=1&y=%20" {
			t.Fatalf("application saw %q", seen)
		}
		client.say("POST /p HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 5\r\n\r\nhello")
		client.want("POST", 200, "app:hello")
		client.say("HEAD / HTTP/1.1\r\nHost: shop.test\r\n\r\n")
		client.want("HEAD", 200, "")
	}
	stats := e.finished("web-1")
	if stats.Requests != 9 || stats.FailureTotal() != 0 || stats.Latency.Total() != 9 {
		t.Fatalf("stats %+v", stats)
	}
}

func TestHeadersForTheApplication(t *testing.T) {
	heads := make(chan string, 1)
	app := serveRaw(t, func(conn net.Conn, in *bufio.Reader) {
		head, _ := readRequestHead(in)
		heads <- head
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: X-Private, close\r\nX-Private: 1\r\nKeep-Alive: timeout=9\r\nX-Public: 1\r\n\r\n")
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	client := connect(t, e.address)
	client.say("GET / HTTP/1.1\r\nHost: shop.test\r\nConnection: X-Hop, keep-alive\r\nX-Hop: secret\r\n" +
		"X-Forwarded-For: 6.6.6.6\r\nX_Forwarded_For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-Proto: https\r\n" +
		"Proxy-Connection: x\r\nTE: trailers\r\nX-Keep: yes\r\n\r\n")
	response := client.want("GET", 200, "")
	want := "GET / HTTP/1.1\r\nHost: shop.test\r\nX-Keep: yes\r\nTE: trailers\r\n" +
		"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: shop.test\r\n\r\n"
	if head := <-heads; head != want {
		t.Errorf("application saw\n%q, want\n%q", head, want)
	}
	if response.Header.Get("X-Private") != "" || response.Header.Get("X-Public") != "1" || response.Close {
		t.Errorf("client saw %v, close %t", response.Header, response.Close)
	}
}

func TestAnswerFramings(t *testing.T) {
	tests := []struct{ name, answer, want, trailer string }{
		{"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", ""},
		{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n", "hello", ""},
		{"trailers", "HTTP/1.1 200 OK\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 7\r\n\r\n", "hello", "7"},
		{"until close", "HTTP/1.1 200 OK\r\n\r\nhello", "hello", ""},
		{"version 1.0", "HTTP/1.0 200 OK\r\n\r\nhello", "hello", ""},
		{"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "hello", ""},
		{"no reason", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", "hello", ""},
		{"early hints", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", ""},
		{"unasked 100", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", ""},
		{"same length twice", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "hello", ""},
		{"length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app := serveRaw(t, func(conn net.Conn, in *bufio.Reader) {
				readRequestHead(in)
				io.WriteString(conn, test.answer)
			})
			e := start(t, wire.Limits{}, at("web-1", app))
			client := connect(t, e.address)
			client.say(get("/"))
			response, body, err := client.answer("GET")
			if response.StatusCode == 103 {
				response, body, err = client.answer("GET")
			}
			if err != nil || response.StatusCode != 200 || body != test.want || response.Trailer.Get("X-Sum") != test.trailer {
				t.Fatalf("got %d %q %v %v", response.StatusCode, body, response.Trailer, err)
			}
			old := connect(t, e.address)
			old.say("GET / HTTP/1.0\r\n\r\n")
			if rest, err := io.ReadAll(old.in); err != nil || !strings.HasSuffix(string(rest), "\r\n\r\nhello") {
				t.Fatalf("version 1.0 client got %q, %v", rest, err)
			}
		})
	}
}

// An answer that the application did not finish must never look complete.
func TestCutAnswersEndInAnError(t *testing.T) {
	for name, answer := range map[string]string{
		"length":       "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello",
		"chunks":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"within chunk": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhello",
		"bad chunk":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloXX0\r\n\r\n",
		"long":         "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + strings.Repeat("x", 500000),
	} {
		t.Run(name, func(t *testing.T) {
			app := serveRaw(t, func(conn net.Conn, in *bufio.Reader) {
				readRequestHead(in)
				io.WriteString(conn, answer)
			})
			e := start(t, wire.Limits{}, at("web-1", app))
			client := connect(t, e.address)
			client.say(get("/"))
			if response, err := http.ReadResponse(client.in, nil); err == nil {
				if _, err = io.ReadAll(response.Body); err == nil {
					t.Fatal("the cut answer ended cleanly")
				}
			}
			await(t, "the failure is counted", func() bool { return e.stats("web-1").FailureTotal() == 1 })
			// An answer that ends with the connection can only be told from a cut one by a reset.
			old := connect(t, e.address)
			old.say("GET / HTTP/1.0\r\n\r\n")
			if _, err := io.ReadAll(old.in); err == nil && !strings.Contains(name, "long") && name != "length" {
				t.Fatal("the cut answer ended cleanly for a version 1.0 client")
			}
		})
	}
}

func TestRefusedAnswers(t *testing.T) {
	for name, answer := range map[string]string{
		"not http":           "hello\r\n\r\n",
		"splitting":          "HTTP/1.1 200 OK\r\nX-A: b\rSet-Cookie: x\r\nContent-Length: 0\r\n\r\n",
		"nul":                "HTTP/1.1 200 OK\r\nX-A: b\x00\r\nContent-Length: 0\r\n\r\n",
		"folded":             "HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
		"different lengths":  "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 1\r\n\r\n",
		"unknown encoding":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
		"unasked upgrade":    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
		"head without end":   "HTTP/1.1 200 OK\r\nX-A: " + strings.Repeat("a", 70000),
		"closed within head": "HTTP/1.1 200 OK\r\nX-A:",
	} {
		t.Run(name, func(t *testing.T) {
			app := serveRaw(t, func(conn net.Conn, in *bufio.Reader) {
				readRequestHead(in)
				io.WriteString(conn, answer)
			})
			e := start(t, wire.Limits{}, at("web-1", app))
			client := connect(t, e.address)
			client.say(get("/"))
			response, _, err := client.answer("GET")
			if err != nil || response.StatusCode != 502 || response.Header.Get("Set-Cookie") != "" {
				t.Fatalf("got %d %v, %v", response.StatusCode, response.Header, err)
			}
		})
	}
}

func TestUploadsAreStreamed(t *testing.T) {
	app := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("X-Trailer", r.Trailer.Get("X-Sum"))
		w.Write(body)
	})
	e := start(t, wire.Limits{}, at("web-1", app))
	client := connect(t, e.address)
	client.say("POST / HTTP/1.1\r\nHost: shop.test\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
	client.say("6;ext=1\r\n world\r\n0\r\nX-Sum: 9\r\nContent-Length: 4\r\n\r\n")
	if response := client.want("POST", 200, "hello world"); response.Header.Get("X-Trailer") != "9" {
		t.Fatalf("trailer %q", response.Header.Get("X-Trailer"))
	}
	big := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	client.say("POST / HTTP/1.1\r\nHost: shop.test\r\nContent-Length: 1048576\r\n\r\n")
	go client.Write(big)
	client.want("POST", 200, string(big))
	client.say(get("/"))
	client.want("GET", 200, "")
}

func BenchmarkSmallGet(b *testing.B) {
	app := serveRaw(b, func(conn net.Conn, in *bufio.Reader) {
		answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello")
		for {
			for line := []byte("head"); len(line) > 2; {
				var err error
				if line, err = in.ReadSlice('\n'); err != nil {
					return
				}
			}
			conn.Write(answer)
		}
	})
	e := start(b, wire.Limits{}, at("web-1", app))
	client := connect(b, e.address)
	request, answer := []byte(get("/")), make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		client.Write(request)
		if _, err := client.Conn.Read(answer); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseRequest(b *testing.B) {
	head := []byte("GET /a/b?c=d HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n" +
		"Accept-Encoding: gzip, br\r\nCookie: session=0123456789abcdef\r\nConnection: keep-alive\r\n\r\n")
	var request http1.Request
	b.ReportAllocs()
	for b.Loop() {
		if err := request.Parse(head); err != nil {
			b.Fatal(err)
		}
	}
}
