package load

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"
)

// Config says what to send. Default fills it for the example application.
type Config struct {
	URL  string // http://HOST:PORT of the application or of what stands in front
	Host string // Host header; empty = that of URL

	Headers HeaderNames // empty = those of the example application

	RatePerSecond  int
	MaxOpen        int           // while as many requests wait for their answer, none is sent; 0 = no limit
	KeepAliveShare float64       // 0 to 1: the share of requests on kept connections
	Timeout        time.Duration // of one request, from its planned start; of one message of a stream
	Targets        []Target      // the mix
	Seed           uint64        // of the choice among Targets

	Streams         bool          // one WebSocket and one event stream for the whole run
	TransferBytes   int64         // size of one upload and one download; 0 = none
	TransferSpread  time.Duration // each transfer is paced to take about this long
	TransferAfter   time.Duration // from the start of the run
	CompareJournal  bool          // ask the application's journal at Stop
	JournalPatience time.Duration // how long Stop waits for jobs in hand
}

// Default is the mix that the tests use against the example application:
// 20 % POST, one request in a hundred slow, half of them on fresh connections.
func Default(address string) Config {
	return Config{
		URL:             address,
		RatePerSecond:   300,
		KeepAliveShare:  0.5,
		Timeout:         30 * time.Second,
		Targets:         ShopTargets(),
		Seed:            1,
		TransferSpread:  10 * time.Second,
		CompareJournal:  true,
		JournalPatience: 10 * time.Second,
	}
}

// HeaderNames are the headers by which the client and the application know a
// request and its answer.
type HeaderNames struct {
	Request  string // of the request: its id
	Version  string // of the answer: the version that gave it
	Instance string // of the answer: the container that gave it
}

var shopHeaders = HeaderNames{Request: "Shop-Request", Version: "Shop-Version", Instance: "Shop-Instance"}

// endpoint is the parsed address of the server.
type endpoint struct {
	address string // host:port to dial
	host    string // Host header
	headers HeaderNames
}

func (c *Config) validate() (endpoint, error) {
	parsed, err := url.Parse(c.URL)
	if err != nil || parsed.Scheme != "http" || parsed.Host == "" {
		return endpoint{}, fmt.Errorf("load: %q is not an http:// address", c.URL)
	}
	if c.RatePerSecond <= 0 || c.Timeout <= 0 || len(c.Targets) == 0 {
		return endpoint{}, errors.New("load: rate, timeout and targets must be set")
	}
	address := parsed.Host
	if parsed.Port() == "" {
		address = net.JoinHostPort(parsed.Hostname(), "80")
	}
	host := c.Host
	if host == "" {
		host = parsed.Host
	}
	headers := c.Headers
	if headers == (HeaderNames{}) {
		headers = shopHeaders
	}
	return endpoint{address: address, host: host, headers: headers}, nil
}
