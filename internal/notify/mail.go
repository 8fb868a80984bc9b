package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/smtp"
	"net/textproto"
	"strings"
	"time"

	"gapless/internal/project"
)

// maxDialogueBytes bounds what a mail server may say in all.
const maxDialogueBytes = 256 << 10

// boundedConn ends when its server says more than any server has to say.
type boundedConn struct {
	net.Conn
	left int
}

// Read implements net.Conn.
func (b *boundedConn) Read(buffer []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("the mail server says too much")
	}
	read, err := b.Conn.Read(buffer[:min(len(buffer), b.left)])
	b.left -= read
	return read, err
}

// email hands the message to the mail server.
func (c *Channel) email(ctx context.Context, message Message) error {
	content, err := c.mailText(message)
	if err != nil {
		return err
	}
	client, err := c.mailClient(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	host, _, _ := net.SplitHostPort(c.target.Server)
	if c.target.User != "" {
		if err := client.Auth(smtp.PlainAuth("", c.target.User, string(c.target.Secret), host)); err != nil {
			return signInError(err)
		}
	}
	if err := client.Mail(mailbox(c.target.From)); err != nil {
		return fmt.Errorf("sender: %w", err)
	}
	accepted, refused := 0, error(nil)
	for _, to := range c.target.To {
		if err := client.Rcpt(mailbox(to)); err != nil {
			refused = fmt.Errorf("receiver: %w", err)
			continue
		}
		accepted++
	}
	if accepted == 0 { // else the others are told
		return refused
	}
	data, err := client.Data()
	if err != nil {
		return err
	}
	if _, err := data.Write(content); err != nil {
		return err
	}
	if err := data.Close(); err != nil {
		return err
	}
	_ = client.Quit() // it took the message
	return nil
}

// signInError leaves out the words of the server: some repeat what they got.
func signInError(err error) error {
	var answer *textproto.Error
	if errors.As(err, &answer) {
		return fmt.Errorf("sign in: it answers %d: are user and password still right?", answer.Code)
	}
	return fmt.Errorf("sign in: %w", err)
}

// mailClient connects, and goes on only in the way that was configured: who could
// leave STARTTLS out of an answer would read the password.
func (c *Channel) mailClient(ctx context.Context) (*smtp.Client, error) {
	host, _, err := net.SplitHostPort(c.target.Server)
	if err != nil {
		return nil, err
	}
	plain, err := c.dialer(c.target.TLS == project.MailPlain).DialContext(ctx, "tcp", c.target.Server)
	if err != nil {
		return nil, err
	}
	if deadline, set := ctx.Deadline(); set {
		_ = plain.SetDeadline(deadline)
	}
	var conn net.Conn = &boundedConn{plain, maxDialogueBytes}
	config := &tls.Config{}
	if c.tls != nil {
		config = c.tls.Clone()
	}
	config.ServerName, config.MinVersion = host, tls.VersionTLS12
	if c.target.TLS == project.MailTLSFirst {
		conn = tls.Client(conn, config)
	}
	client, err := smtp.NewClient(conn, host)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	if c.target.TLS == project.MailTLSFirst || c.target.TLS == project.MailPlain {
		return client, nil
	}
	if offered, _ := client.Extension("STARTTLS"); !offered {
		return nil, errors.Join(errors.New("the mail server offers no STARTTLS"), client.Close())
	}
	if err := client.StartTLS(config); err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return client, nil
}

// mailText is the message as RFC 5322 wants it. No header can hold a line break.
func (c *Channel) mailText(message Message) ([]byte, error) {
	var b bytes.Buffer
	header := func(name, value string) { fmt.Fprintf(&b, "%s: %s\r\n", name, oneLine(value)) }
	header("From", encoded(c.target.From))
	var receivers []string
	for _, to := range c.target.To {
		receivers = append(receivers, encoded(to))
	}
	header("To", strings.Join(receivers, ", "))
	header("Subject", mime.QEncoding.Encode("utf-8", message.Title))
	header("Date", c.now().Format(time.RFC1123Z))
	domain := mailbox(c.target.From)
	domain = domain[strings.LastIndexByte(domain, '@')+1:]
	header("Message-ID", "<"+message.ID+"@"+domain+">")
	header("References", "<"+message.Thread+"@"+domain+">")
	header("Auto-Submitted", "auto-generated")
	header("MIME-Version", "1.0")
	header("Content-Type", "text/plain; charset=utf-8")
	header("Content-Transfer-Encoding", "quoted-printable")
	b.WriteString("\r\n")
	body := quotedprintable.NewWriter(&b)
	if _, err := body.Write([]byte(message.Title + "\n\n" + message.Text + "\n")); err != nil {
		return nil, err
	}
	return b.Bytes(), body.Close()
}

// mailbox is the bare address of a receiver.
func mailbox(text string) string {
	parsed, err := mail.ParseAddress(text)
	if err != nil {
		return "" // the project was checked
	}
	return parsed.Address
}

// encoded is a receiver as a header has it.
func encoded(text string) string {
	parsed, err := mail.ParseAddress(text)
	if err != nil {
		return ""
	}
	return parsed.String()
}
