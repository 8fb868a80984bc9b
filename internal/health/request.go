package health

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"gapless/internal/update"
)

// maxBodyBytes is how much of an answer is read. More is no fault: the health
// path may be the home page.
const maxBodyBytes = 64 << 10

// send carries a request to a container.
type send func(ctx context.Context, c update.Container, req *http.Request) (*http.Response, error)

// throughEdge sends the way that the requests of users take.
func (g *Gate) throughEdge(spec update.GateSpec) send {
	return func(ctx context.Context, _ update.Container, req *http.Request) (*http.Response, error) {
		return g.edge(ctx, spec.Service, spec.Container, req)
	}
}

// sendDirect sends to the container's own address.
func sendDirect(_ context.Context, c update.Container, req *http.Request) (*http.Response, error) {
	address, err := netip.ParseAddr(c.Address())
	if err != nil {
		return nil, errors.New("it has no address on a network that this host reaches")
	}
	if address.IsLinkLocalUnicast() || address.IsMulticast() || address.IsUnspecified() {
		return nil, fmt.Errorf("its address %s is not one that is probed", address)
	}
	target := net.JoinHostPort(address.String(), req.URL.Port())
	transport := freshTransport(func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", target)
	})
	return transport.RoundTrip(req)
}

// freshTransport opens a connection for each request, asks no proxy, and
// follows nothing.
func freshTransport(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Transport {
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            dial,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxBodyBytes,
	}
}

// newProbe builds the request for a path, which may carry a query.
func newProbe(ctx context.Context, spec update.GateSpec, path string) (*http.Request, error) {
	if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return nil, fmt.Errorf("health path %q must start with one /", path)
	}
	target, err := url.ParseRequestURI(path)
	if err != nil || target.Host != "" {
		return nil, fmt.Errorf("health path %q is not a path", path)
	}
	target.Scheme = "http"
	target.Host = net.JoinHostPort("container", strconv.Itoa(spec.Port))
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Host = spec.Host
	if req.Host == "" {
		req.Host = "localhost"
	}
	req.Header.Set("User-Agent", "gapless-probe")
	return req, nil
}

// ask sends one request and says in words what came back. The status is 0 if
// nothing did.
func ask(ctx context.Context, spec update.GateSpec, path string, c update.Container, by send) (int, answer) {
	req, err := newProbe(ctx, spec, path)
	if err != nil {
		return 0, answer{hopeless: "cannot be probed: " + err.Error()}
	}
	begin := time.Now()
	response, err := by(ctx, c, req)
	if err != nil {
		return 0, answer{text: sayError(err, spec.Timeout)}
	}
	defer response.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(response.Body, maxBodyBytes))
	if err != nil {
		return response.StatusCode, answer{text: fmt.Sprintf("%s, but its body did not end well: %s",
			sayStatus(response.StatusCode), sayError(err, spec.Timeout))}
	}
	found := judge(response, req.Host, time.Since(begin))
	if spec.AnyAnswer && response.StatusCode < http.StatusInternalServerError {
		found.ok = true
	}
	return response.StatusCode, found
}

// judge lets only 2xx pass: a redirect shows that a path exists, not that the
// application works.
func judge(response *http.Response, host string, took time.Duration) answer {
	code := response.StatusCode
	text := fmt.Sprintf("%s in %s", sayStatus(code), sayDuration(took))
	switch {
	case code >= 200 && code < 300:
		return answer{ok: true, text: text}
	case code >= 300 && code < 400 && response.Header.Get("Location") != "":
		text = fmt.Sprintf("%d to %s: the health path redirects; set route.health or send X-Forwarded-Proto", code, response.Header.Get("Location"))
	case code == http.StatusBadRequest:
		text += fmt.Sprintf(": does the application accept the host name %q?", host)
	}
	return answer{text: text}
}

func sayStatus(code int) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", code, http.StatusText(code)))
}

// sayDuration rounds to what matters to a reader.
func sayDuration(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// saySpan says a limit that somebody configured.
func saySpan(d time.Duration) string {
	if d%time.Second == 0 {
		return fmt.Sprintf("%d s", d/time.Second)
	}
	return sayDuration(d)
}

// sayError says in words why no answer came, without the address, which the
// reader did not write.
func sayError(err error, timeout time.Duration) string {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed without an answer"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "no route to the container"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer within " + saySpan(timeout)
	}
	return err.Error()
}
