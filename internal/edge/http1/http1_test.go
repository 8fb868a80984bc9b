package http1

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
)

// read parses one request and its body as the edge does.
func read(source io.Reader) (q *Request, body []byte, trailers string, err error) {
	in := NewReader(source)
	head, err := in.ReadHead()
	if err != nil {
		return nil, nil, "", err
	}
	q = &Request{}
	if err := q.Parse(head); err != nil {
		return nil, nil, "", err
	}
	var b Body
	b.Start(in, q.Framing, q.Length)
	body, err = io.ReadAll(&b)
	return q, body, string(b.Trailers), err
}

const head = "POST / HTTP/1.1\r\nHost: a\r\n"

// Each of these is how two parties come to disagree about where a request ends.
func TestAmbiguousRequestsAreRefused(t *testing.T) {
	for name, text := range map[string]string{
		"both lengths":            head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"both lengths reversed":   head + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
		"two lengths":             head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"same length twice":       head + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		"length list":             head + "Content-Length: 5, 5\r\n\r\nhello",
		"signed length":           head + "Content-Length: +5\r\n\r\nhello",
		"negative length":         head + "Content-Length: -5\r\n\r\nhello",
		"hex length":              head + "Content-Length: 0x5\r\n\r\nhello",
		"empty length":            head + "Content-Length:\r\n\r\n",
		"huge length":             head + "Content-Length: 9999999999999999999\r\n\r\n",
		"two encodings":           head + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"encoding list":           head + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
		"encoding unknown":        head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"encoding with tab":       head + "Transfer-Encoding: chunked\x0b\r\n\r\n0\r\n\r\n",
		"encoding in 1.0":         "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"space before colon":      head + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
		"folded":                  head + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
		"folded first":            "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
		"bare line feed":          "GET / HTTP/1.1\nHost: a\n\n",
		"bare line feed inside":   head + "X: a\nTransfer-Encoding: chunked\r\n\r\n",
		"bare carriage return":    head + "X: a\rTransfer-Encoding: chunked\r\n\r\n",
		"nul":                     head + "X: a\x00b\r\n\r\n",
		"no colon":                head + "Nonsense\r\n\r\n",
		"empty name":              head + ": x\r\n\r\n",
		"bad name":                head + "A(b): x\r\n\r\n",
		"no host":                 "GET / HTTP/1.1\r\n\r\n",
		"two hosts":               "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"bad host":                "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
		"host with slash":         "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
		"host with user":          "GET / HTTP/1.1\r\nHost: x@a\r\n\r\n",
		"version 2":               "GET / HTTP/2.0\r\nHost: a\r\n\r\n",
		"version 0.9":             "GET /\r\n\r\n",
		"version lower case":      "GET / http/1.1\r\nHost: a\r\n\r\n",
		"space in target":         "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n",
		"two spaces":              "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
		"control in target":       "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n",
		"relative target":         "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
		"connect":                 "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n",
		"bad method":              "G(T / HTTP/1.1\r\nHost: a\r\n\r\n",
		"chunk size empty":        head + "Transfer-Encoding: chunked\r\n\r\n\r\n",
		"chunk size sign":         head + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
		"chunk size 0x":           head + "Transfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
		"chunk size space":        head + "Transfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
		"chunk size overflow":     head + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\nhello\r\n0\r\n\r\n",
		"chunk bare feed":         head + "Transfer-Encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n",
		"chunk extension feed":    head + "Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
		"chunk extension return":  head + "Transfer-Encoding: chunked\r\n\r\n5;a\rb\r\nhello\r\n0\r\n\r\n",
		"chunk extension long":    head + "Transfer-Encoding: chunked\r\n\r\n5;" + strings.Repeat("a", 1000) + "\r\nhello\r\n0\r\n\r\n",
		"chunk without end":       head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX\r\n0\r\n\r\n",
		"chunk ended by feed":     head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\n0\r\n\r\n",
		"trailer folded":          head + "Transfer-Encoding: chunked\r\n\r\n0\r\nA: b\r\n c\r\n\r\n",
		"trailer bad":             head + "Transfer-Encoding: chunked\r\n\r\n0\r\nA b\r\n\r\n",
		"body cut":                head + "Content-Length: 9\r\n\r\nhello",
		"chunks cut":              head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"overhead without data":   head + "Transfer-Encoding: chunked\r\n\r\n" + strings.Repeat("1;"+strings.Repeat("a", 400)+"\r\nx\r\n", 100) + "0\r\n\r\n",
		"look-alike of no length": head + "Content_Length: 5\r\nContent-Length: x\r\n\r\nhello",
	} {
		for _, source := range []io.Reader{strings.NewReader(text), iotest.OneByteReader(strings.NewReader(text))} {
			if q, body, _, err := read(source); err == nil {
				t.Errorf("%s: accepted as %+v with body %q", name, q, body)
			}
		}
	}
}

func TestAcceptedRequests(t *testing.T) {
	for name, test := range map[string]struct{ text, body, trailers string }{
		"no body":        {"GET /a?b HTTP/1.1\r\nHost: a\r\n\r\n", "", ""},
		"length":         {head + "Content-Length: 5\r\n\r\nhello", "hello", ""},
		"encoding case":  {head + "TRANSFER-encoding:\t Chunked \r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello", ""},
		"extension":      {head + "Transfer-Encoding: chunked\r\n\r\n5;a=\"b\"\r\nhello\r\n00\r\n\r\n", "hello", ""},
		"trailers":       {head + "Transfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n0\r\nA: b\r\nHost: x\r\nContent-Length: 3\r\n\r\n", "0123456789", "A: b\r\n"},
		"look-alike":     {head + "Content_Length: 3\r\nContent-Length: 5\r\n\r\nhello", "hello", ""},
		"1.0 no host":    {"GET / HTTP/1.0\r\n\r\n", "", ""},
		"options star":   {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "", ""},
		"absolute":       {"GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", "", ""},
		"bytes over 127": {"GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\nX: \xff\r\n\r\n", "", ""},
	} {
		for _, source := range []io.Reader{strings.NewReader(test.text), iotest.OneByteReader(strings.NewReader(test.text))} {
			_, body, trailers, err := read(source)
			if err != nil || string(body) != test.body || trailers != test.trailers {
				t.Errorf("%s: got %q, %q, %v", name, body, trailers, err)
			}
		}
	}
}

func TestHeadLimit(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("GET / HTTP/1.1\r\nA: "), neverEnding('a'))
	if _, err := NewReader(endless).ReadHead(); !errors.Is(err, ErrHeadTooLarge) {
		t.Fatalf("got %v", err)
	}
	many := "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("A: b\r\n", 300) + "\r\n"
	if _, _, _, err := read(strings.NewReader(many)); !errors.Is(err, ErrTooManyField) {
		t.Fatalf("got %v", err)
	}
}

type neverEnding byte

func (b neverEnding) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(b)
	}
	return len(p), nil
}

// A head stays valid in place while the body behind it is read.
func TestHeadStaysValid(t *testing.T) {
	for _, size := range []int{10, 2000, 4000, 5000, 30000} {
		text := "POST /" + strings.Repeat("p", size) + " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
			strings.Repeat("5\r\nhello\r\n", 5000) + "0\r\n\r\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n"
		in := NewReader(iotest.HalfReader(strings.NewReader(text)))
		first, _ := in.ReadHead()
		var q Request
		if err := q.Parse(first); err != nil {
			t.Fatal(err)
		}
		var b Body
		b.Start(in, q.Framing, q.Length)
		if body, err := io.ReadAll(&b); len(body) != 25000 || err != nil {
			t.Fatalf("read %d, %v", len(body), err)
		}
		if len(q.Target) != size+1 || len(bytes.Trim(q.Target, "/p")) > 0 || string(q.Host) != "a" {
			t.Fatalf("size %d: the head was overwritten", size)
		}
		in.Finish()
		second, err := in.ReadHead()
		if err != nil || q.Parse(second) != nil || string(q.Target) != "/next" {
			t.Fatalf("next request: %v", err)
		}
	}
}

func TestFrameChunk(t *testing.T) {
	for _, n := range []int{1, 15, 16, 255, 4096, 16000} {
		buffer := make([]byte, ChunkHead+n+ChunkTail)
		copy(buffer[ChunkHead:], bytes.Repeat([]byte("x"), n))
		framed := AppendLastChunk(append([]byte(nil), FrameChunk(buffer, n)...), nil)
		var b Body
		b.Start(NewReader(bytes.NewReader(framed)), Chunked, 0)
		if got, err := io.ReadAll(&b); err != nil || len(got) != n {
			t.Fatalf("%d: got %d, %v", n, len(got), err)
		}
	}
}

// Whatever is accepted here must mean the same to net/http, and what is read must not
// depend on how it arrives.
func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		head + "Content-Length: 5\r\n\r\nhello", head + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n",
		"GET /a?b HTTP/1.0\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: a\r\nConnection: close, x\r\n\r\n",
		"GET http://a/ HTTP/1.1\r\nHost: b\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		q, body, _, err := read(bytes.NewReader(text))
		_, slowBody, _, slowErr := read(iotest.OneByteReader(bytes.NewReader(text)))
		if (err == nil) != (slowErr == nil) || err == nil && !bytes.Equal(body, slowBody) {
			t.Fatalf("depends on arrival: %q %v, %q %v", body, err, slowBody, slowErr)
		}
		if err != nil {
			return
		}
		other, otherErr := http.ReadRequest(bufio.NewReader(bytes.NewReader(text)))
		if otherErr != nil {
			// net/http checks the target as a URL and the method further; it reads
			// nothing then, so no two requests can be made of one.
			return
		}
		otherBody, otherErr := io.ReadAll(other.Body)
		if otherErr != nil || !bytes.Equal(body, otherBody) {
			t.Fatalf("body %q, net/http %q %v", body, otherBody, otherErr)
		}
		if string(q.Method) != other.Method {
			t.Fatalf("method %q, net/http %q", q.Method, other.Method)
		}
	})
}

func FuzzResponse(f *testing.F) {
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"))
	f.Add([]byte("HTTP/1.0 200\r\n\r\nhello"))
	f.Add([]byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		in := NewReader(bytes.NewReader(text))
		head, err := in.ReadHead()
		var p Response
		if err != nil || p.Parse(head, false) != nil {
			return
		}
		for _, field := range p.Fields {
			if bytes.ContainsAny(field.Value, "\r\n\x00") || bytes.ContainsAny(field.Name, "\r\n: ") {
				t.Fatalf("field %q: %q", field.Name, field.Value)
			}
		}
		var b Body
		b.Start(in, p.Framing, p.Length)
		io.Copy(io.Discard, &b)
	})
}
