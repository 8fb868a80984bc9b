package notify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"syscall"
)

// maxAnswerBytes is how much of an answer is read.
const maxAnswerBytes = 64 << 10

// refusedAddressError says that nobody means to reach such an address.
type refusedAddressError struct{ why string }

func (e *refusedAddressError) Error() string { return e.why }

// client makes a client for one request: no proxy of the environment, no
// redirect, and no address that a name may be bent to.
func (c *Channel) client(plain bool) *http.Client {
	return &http.Client{
		Transport: &http.Transport{Proxy: nil, DialContext: c.dialer(plain).DialContext, DisableKeepAlives: true, TLSClientConfig: c.tls.Clone(),
			DisableCompression: true, MaxResponseHeaderBytes: maxAnswerBytes},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// dialer looks at every address that a name leads to, however often it is asked.
func (c *Channel) dialer(plain bool) *net.Dialer {
	return &net.Dialer{Resolver: c.resolver, Control: func(_, address string, _ syscall.RawConn) error { return permit(address, plain) }}
}

// permit looks at every address just before it is dialled. The metadata service of
// a cloud is link-local; what goes unencrypted stays in one's own network.
func permit(address string, plain bool) error {
	parsed, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := parsed.Addr().Unmap()
	switch {
	case ip.IsLinkLocalUnicast(), ip.IsMulticast(), ip.IsUnspecified():
		return &refusedAddressError{fmt.Sprintf("its name leads to %s, where nobody is told anything", ip)}
	case plain && !ip.IsLoopback() && !ip.IsPrivate():
		return &refusedAddressError{"its address is http in a public network: use https"}
	}
	return nil
}

// post sends a body and returns the beginning of a good answer.
func (c *Channel) post(ctx context.Context, method, address string, header map[string]string, body []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, ErrNoAddress
	}
	request.Header.Set("User-Agent", "gapless")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := c.client(request.URL.Scheme == "http").Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return nil, &statusError{response.StatusCode}
	}
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return nil, nil // it took the message; what it says about that does not matter
	}
	return answer, nil
}

// statusError is an answer that does not say yes.
type statusError struct{ code int }

func (e *statusError) Error() string {
	text := strings.TrimSpace(fmt.Sprintf("it answers %d %s", e.code, http.StatusText(e.code)))
	switch {
	case e.code >= 300 && e.code < 400:
		return text + ": redirects are not followed, name the last address"
	case e.code == http.StatusNotFound || e.code == http.StatusUnauthorized || e.code == http.StatusForbidden:
		return text + ": is its address or its secret still right?"
	}
	return text
}

// explain says in words why a message was not taken. The address is a secret, and
// errors of net/http and net/url repeat it.
func (c *Channel) explain(err error) error {
	if err == nil {
		return nil
	}
	var wrapped *url.Error
	for errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var refused *refusedAddressError
	var unresolved *net.DNSError
	text := ""
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		text = fmt.Sprintf("no answer within %d s", int(Limit.Seconds()))
	case errors.As(err, &refused):
		text = refused.why
	case errors.As(err, &unresolved):
		text = "the name of its host cannot be resolved"
	case errors.Is(err, syscall.ECONNREFUSED):
		text = "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		text = "the connection was closed without an answer"
	default:
		text = c.hide(err.Error())
	}
	return errors.New(oneLine(cut(text, 300)))
}

// hide takes the secrets of the channel out of what somebody else has said.
func (c *Channel) hide(text string) string {
	for _, secret := range c.target.Secrets() {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return text
}

// Secrets are the texts that must not be shown: the address, the key, and the parts of
// the address that are too long for a word that a message may have.
func (t Target) Secrets() []string {
	const longestWord = 11
	var secrets []string
	for _, whole := range []string{string(t.URL), string(t.Secret)} {
		if whole != "" {
			secrets = append(secrets, whole)
		}
	}
	address, err := url.Parse(string(t.URL))
	if err != nil {
		return secrets
	}
	for _, part := range append(strings.Split(address.Path, "/"), address.RequestURI(), address.RawQuery) {
		if len(part) > longestWord {
			secrets = append(secrets, part)
		}
	}
	return secrets
}
