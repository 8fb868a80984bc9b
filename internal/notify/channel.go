package notify

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"gapless/internal/project"
)

// Limit is the longest time that one channel may take.
const Limit = 5 * time.Second

// grace is what is left to say that the time is over.
const grace = 500 * time.Millisecond

// Secret is text that no format prints by accident.
type Secret string

// String implements fmt.Stringer.
func (Secret) String() string { return "***" }

// GoString implements fmt.GoStringer.
func (Secret) GoString() string { return `"***"` }

// MarshalText implements encoding.TextMarshaler.
func (Secret) MarshalText() ([]byte, error) { return []byte("***"), nil }

// Target is a channel with everything that is needed to reach it.
type Target struct {
	Kind   project.ChannelKind
	URL    Secret // webhook, slack, discord, ntfy
	Secret Secret // key, token or password; may be empty
	Server string // email: host and port
	TLS    project.MailTLS
	User   string
	From   string
	To     []string
}

// Message is what is told.
type Message struct {
	Thread  string // the same for all messages about one run
	ID      string // the same for a message that is sent again
	Title   string // one line
	Text    string // further lines
	Urgent  bool
	Payload any    // for a webhook, as JSON
	Earlier string // what Send returned for an earlier message of the thread
}

// Channel takes messages.
type Channel struct {
	target   Target
	tls      *tls.Config   // nil: the authorities of the system
	resolver *net.Resolver // nil: that of the system
	limit    time.Duration
	now      func() time.Time
}

// ErrNoAddress is returned for an address that is none.
var ErrNoAddress = errors.New("its address is not an http or https address without a user name")

// New checks what can be checked without sending anything.
func New(target Target) (*Channel, error) {
	channel := &Channel{target: target, limit: Limit, now: time.Now}
	if target.Kind == project.ChannelEmail {
		return channel, nil
	}
	address, err := url.Parse(string(target.URL))
	switch {
	case err != nil || address.Host == "" || address.User != nil || address.Scheme != "https" && address.Scheme != "http":
		return nil, ErrNoAddress // without the cause, which repeats the address
	case target.Kind == project.ChannelNtfy && strings.Trim(address.Path, "/") == "":
		return nil, errors.New("its address has no topic: write https://ntfy.sh/TOPIC")
	case strings.ContainsAny(string(target.Secret), "\r\n"):
		return nil, errors.New("its secret has more than one line")
	}
	return channel, nil
}

// Send tells one message, within Limit. It returns what a later message of the
// same thread needs to take the place of this one.
func (c *Channel) Send(ctx context.Context, message Message) (sent string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.limit)
	defer cancel()
	type answer struct {
		sent string
		err  error
	}
	// A resolver can hang where no context reaches; nobody waits for it.
	done := make(chan answer, 1)
	go func() {
		sent, err := c.send(ctx, message)
		done <- answer{sent, err}
	}()
	select {
	case got := <-done:
		sent, err = got.sent, got.err
	case <-time.After(c.limit + grace):
		err = context.DeadlineExceeded
	}
	return sent, c.explain(err)
}

func (c *Channel) send(ctx context.Context, message Message) (string, error) {
	message.Title = cut(oneLine(message.Title), maxTitle)
	switch c.target.Kind {
	case project.ChannelWebhook:
		return "", c.webhook(ctx, message)
	case project.ChannelSlack:
		return "", c.slack(ctx, message)
	case project.ChannelDiscord:
		return c.discord(ctx, message)
	case project.ChannelNtfy:
		return "", c.ntfy(ctx, message)
	case project.ChannelEmail:
		return "", c.email(ctx, message)
	}
	return "", fmt.Errorf("nothing is known of the kind %q", c.target.Kind)
}

// maxTitle is the longest title in characters.
const maxTitle = 200

// oneLine makes one line of a text: a line break in a header would begin another.
func oneLine(text string) string {
	return strings.Map(func(char rune) rune {
		if char < ' ' || char == 0x7f {
			return ' '
		}
		return char
	}, text)
}

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	if letters := []rune(text); len(letters) > most {
		return string(letters[:most-1]) + "…"
	}
	return text
}
