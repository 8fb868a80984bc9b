package notify

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/http/httptest"
	"net/mail"
	"strings"
	"testing"
	"time"

	"gapless/internal/project"
)

// mailServer is a small SMTP server on the loopback that keeps what it is told.
type mailServer struct {
	t          *testing.T
	address    string
	authority  *tls.Config // of who asks
	config     *tls.Config
	tlsFirst   bool
	noStartTLS bool
	endless    bool
	gone       string        // a receiver whom it does not know, or what all have in common
	said       chan []string // of one session
}

func newMailServer(t *testing.T, edit func(*mailServer)) *mailServer {
	t.Helper()
	https := httptest.NewTLSServer(nil) // for its certificate
	https.Close()
	s := &mailServer{t: t, config: https.TLS, said: make(chan []string, 1)}
	roots := x509.NewCertPool()
	roots.AddCert(https.Certificate())
	s.authority = &tls.Config{RootCAs: roots}
	edit(s)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	s.address = listener.Addr().String()
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		if s.tlsFirst {
			conn = tls.Server(conn, s.config)
		}
		s.said <- s.serve(conn)
	}()
	return s
}

// serve is one session; it returns the lines of the client.
func (s *mailServer) serve(conn net.Conn) (lines []string) {
	defer func() { conn.Close() }()
	reader := bufio.NewReader(conn)
	say := func(text string) { fmt.Fprint(conn, text+"\r\n") }
	if s.endless {
		for {
			if _, err := fmt.Fprint(conn, strings.Repeat("220-endless ", 1000)); err != nil {
				return nil
			}
		}
	}
	say("220 mail.example ready")
	inData := false
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			return lines
		}
		line = strings.TrimSuffix(line, "\r\n")
		lines = append(lines, line)
		verb, _, _ := strings.Cut(line, " ")
		switch {
		case inData && line == ".":
			inData = false
			say("250 taken")
		case inData:
		case verb == "EHLO":
			extensions := "250-mail.example\r\n"
			if !s.noStartTLS && !s.tlsFirst {
				extensions += "250-STARTTLS\r\n"
			}
			say(extensions + "250 AUTH PLAIN")
		case verb == "STARTTLS":
			say("220 go")
			conn = tls.Server(conn, s.config)
			reader = bufio.NewReader(conn)
		case verb == "AUTH":
			if !strings.HasSuffix(line, base64.StdEncoding.EncodeToString([]byte("\x00shop\x00sesame"))) {
				say("535 wrong: " + line)
				continue
			}
			say("235 welcome")
		case verb == "RCPT" && strings.Contains(line, s.gone) && s.gone != "":
			say("550 no such user")
		case verb == "DATA":
			inData = true
			say("354 go")
		case verb == "QUIT":
			say("221 bye")
			return lines
		default:
			say("250 fine")
		}
	}
}

func (s *mailServer) channel(edit func(*Target)) *Channel {
	s.t.Helper()
	target := Target{Kind: project.ChannelEmail, Server: s.address, User: "shop", Secret: "sesame", From: "Shop <shop@example.com>", To: []string{"a@example.com", "Bé <b@example.com>"}}
	if edit != nil {
		edit(&target)
	}
	channel, err := New(target)
	if err != nil {
		s.t.Fatal(err)
	}
	channel.tls = s.authority
	return channel
}

func TestMail(t *testing.T) {
	for name, tlsFirst := range map[string]bool{"starttls": false, "tls": true} {
		t.Run(name, func(t *testing.T) {
			s := newMailServer(t, func(s *mailServer) { s.tlsFirst = tlsFirst })
			channel := s.channel(func(target *Target) {
				if tlsFirst {
					target.TLS = project.MailTLSFirst
				}
			})
			sent := message
			sent.Title, sent.Text = "shop: größer\r\nBcc: evil@example.com", ".\nwhy: ä\n.evil"
			if _, err := channel.Send(t.Context(), sent); err != nil {
				t.Fatal(err)
			}
			lines := <-s.said
			said := strings.Join(lines, "\n")
			for _, want := range []string{"MAIL FROM:<shop@example.com>", "RCPT TO:<a@example.com>", "RCPT TO:<b@example.com>", "\n.\n"} {
				if !strings.Contains(said, want) {
					t.Errorf("%q is not said:\n%s", want, said)
				}
			}
			checkMail(t, said)
		})
	}
}

// checkMail reads the message as a receiver does.
func checkMail(t *testing.T, said string) {
	t.Helper()
	_, text, _ := strings.Cut(said, "DATA\n")
	text, _, _ = strings.Cut(text, "\n.\n")
	parsed, err := mail.ReadMessage(strings.NewReader(strings.ReplaceAll(text, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(parsed.Header.Get("Subject"))
	if err != nil || subject != "shop: größer  Bcc: evil@example.com" {
		t.Errorf("subject %q, %v", subject, err)
	}
	if parsed.Header.Get("Bcc") != "" || parsed.Header.Get("Message-Id") != "<run1.rolled_back@example.com>" || parsed.Header.Get("References") != "<run1@example.com>" {
		t.Errorf("%v", parsed.Header)
	}
	if to, err := parsed.Header.AddressList("To"); err != nil || len(to) != 2 || to[1].Name != "Bé" {
		t.Errorf("%v, %v", to, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(parsed.Body))
	if err != nil || !strings.Contains(string(body), "why: ä") {
		t.Errorf("%q, %v", body, err)
	}
}

// One receiver who is gone does not keep the message from the others.
func TestMailToThoseWhoAreThere(t *testing.T) {
	s := newMailServer(t, func(s *mailServer) { s.gone = "a@example.com" })
	if _, err := s.channel(nil).Send(t.Context(), message); err != nil {
		t.Fatal(err)
	}
	if said := strings.Join(<-s.said, "\n"); !strings.Contains(said, "\n.\n") {
		t.Errorf("nothing was sent:\n%s", said)
	}
}

// A password goes over no line that anybody can read, and a server that says too
// much is not listened to.
func TestMailFailures(t *testing.T) {
	for name, c := range map[string]struct {
		edit   func(*mailServer)
		target func(*Target)
		want   string
	}{
		"no starttls":    {func(s *mailServer) { s.noStartTLS = true }, nil, "the mail server offers no STARTTLS"},
		"wrong password": {func(*mailServer) {}, func(target *Target) { target.Secret = "open-sesame" }, "sign in: it answers 535: are user and password still right?"},
		"unknown":        {func(s *mailServer) { s.authority = nil }, nil, "certificate"},
		"no receiver":    {func(s *mailServer) { s.gone = "example.com" }, nil, "receiver: "},
		"endless":        {func(s *mailServer) { s.endless = true }, nil, "the mail server says too much"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newMailServer(t, c.edit)
			_, err := s.channel(c.target).Send(t.Context(), message)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("%v, want %q", err, c.want)
			}
			if said := strings.Join(<-s.said, "\n"); name == "no starttls" && (strings.Contains(said, "AUTH") || strings.Contains(said, "MAIL")) {
				t.Errorf("it was told something in the clear:\n%s", said)
			}
		})
	}
}

// A server that accepts and says nothing is given up.
func TestSilentMailServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	s := &mailServer{t: t, address: listener.Addr().String()}
	channel := s.channel(nil)
	channel.limit = 100 * time.Millisecond
	if _, err := channel.Send(t.Context(), message); err == nil || !strings.Contains(err.Error(), "no answer within") {
		t.Error(err)
	}
}
