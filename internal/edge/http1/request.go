package http1

import (
	"bytes"
	"errors"
)

// Reasons to refuse a request.
var (
	ErrRequestLine      = errors.New("invalid request line")
	ErrVersion          = errors.New("unsupported HTTP version")
	ErrHost             = errors.New("missing, repeated or invalid Host")
	ErrContentLength    = errors.New("invalid or repeated Content-Length")
	ErrTransferEncoding = errors.New("unsupported Transfer-Encoding")
	ErrAmbiguousLength  = errors.New("both Content-Length and Transfer-Encoding")
)

// Framing says how a message's body ends.
type Framing uint8

// Ways a body can end.
const (
	NoBody Framing = iota
	Length
	Chunked
	UntilClose
)

// Request is a parsed head. Its slices are valid until the Reader's Finish.
type Request struct {
	Method, Target, Host []byte
	// Path is Target up to the query.
	Path []byte
	// Minor is the minor version: 0 or 1.
	Minor   int
	Fields  []Field
	Framing Framing
	// Length is the body's size when Framing is Length.
	Length int64
	// KeepAlive tells whether the client wants to use the connection again.
	KeepAlive bool
	// ExpectContinue tells that the client waits for a 100 before the body.
	ExpectContinue bool
	// UpgradeTo is the protocol asked for; empty when none.
	UpgradeTo []byte
	// WantsTrailers tells that the client said "TE: trailers".
	WantsTrailers bool

	options options
}

// Parse reads a head as ReadHead returns it.
func (q *Request) Parse(head []byte) error {
	q.reset()
	line, rest, err := nextLine(head, false)
	if err != nil {
		return err
	}
	if err := q.parseLine(line); err != nil {
		return err
	}
	if q.Fields, err = parseFields(q.Fields, rest, false); err != nil {
		return err
	}
	hosts, lengths, encodings := 0, 0, 0
	for _, field := range q.Fields {
		switch field.Known {
		case Host:
			hosts++
			if q.Host == nil {
				q.Host = field.Value
			}
		case ContentLength:
			lengths++
			if q.Length, err = parseLength(field.Value); err != nil {
				return err
			}
		case TransferEncoding:
			encodings++
			if !EqualFold(field.Value, "chunked") {
				return ErrTransferEncoding
			}
		default:
			q.note(field)
		}
	}
	return q.settle(hosts, lengths, encodings)
}

func (q *Request) reset() {
	q.options.reset()
	*q = Request{Fields: q.Fields[:0], options: q.options}
}

func (q *Request) parseLine(line []byte) error {
	first := bytes.IndexByte(line, ' ')
	last := bytes.LastIndexByte(line, ' ')
	if first <= 0 || last <= first+1 {
		return ErrRequestLine
	}
	q.Method, q.Target = line[:first], line[first+1:last]
	switch string(line[last+1:]) {
	case "HTTP/1.1":
		q.Minor = 1
	case "HTTP/1.0":
	default:
		return ErrVersion
	}
	if !all(q.Method, tokenChar) || !all(q.Target, targetChar) {
		return ErrRequestLine
	}
	return q.parseTarget()
}

// parseTarget accepts origin form, "*" with OPTIONS, and absolute form, whose
// authority replaces the Host header as RFC 9112 section 3.2.2 demands.
func (q *Request) parseTarget() error {
	switch {
	case q.Target[0] == '/':
	case len(q.Target) == 1 && q.Target[0] == '*' && string(q.Method) == "OPTIONS":
	case len(q.Target) > 7 && EqualFold(q.Target[:7], "http://"):
		rest := q.Target[7:]
		slash := bytes.IndexByte(rest, '/')
		if slash < 0 {
			slash = len(rest)
		}
		q.Host, q.Target = rest[:slash], rest[slash:]
		if len(q.Target) == 0 {
			q.Target = []byte("/")
		}
		if len(q.Host) == 0 {
			return ErrHost
		}
	default:
		return ErrRequestLine
	}
	q.Path = q.Target
	if query := bytes.IndexByte(q.Target, '?'); query >= 0 {
		q.Path = q.Target[:query]
	}
	return nil
}

func (q *Request) note(field Field) {
	switch field.Known {
	case Connection:
		q.options.add(field.Value)
	case Expect:
		q.ExpectContinue = q.Minor == 1 && EqualFold(field.Value, "100-continue")
	case Upgrade:
		q.UpgradeTo = field.Value
	case TE:
		q.WantsTrailers = q.WantsTrailers || EqualFold(field.Value, "trailers")
	}
}

// settle decides the framing once all headers are known.
func (q *Request) settle(hosts, lengths, encodings int) error {
	if hosts > 1 || (hosts == 0 && q.Minor == 1) || !all(q.Host, hostChar) {
		return ErrHost
	}
	switch {
	case lengths > 1:
		return ErrContentLength
	case encodings > 1:
		return ErrTransferEncoding
	case lengths > 0 && encodings > 0:
		return ErrAmbiguousLength
	case encodings > 0 && q.Minor == 0:
		return ErrTransferEncoding
	case encodings > 0:
		q.Framing = Chunked
	case lengths > 0 && q.Length > 0:
		q.Framing = Length
	}
	q.KeepAlive = !q.options.close && (q.Minor == 1 || q.options.keepAlive)
	if !q.options.upgrade || q.Framing != NoBody || q.Minor == 0 {
		q.UpgradeTo = nil
	}
	if q.Framing == NoBody {
		q.ExpectContinue = false
	}
	return nil
}

// EndToEnd tells whether a field travels on unchanged. Framing, routing and the
// forwarding headers are written by the proxy itself.
func (q *Request) EndToEnd(field Field) bool {
	switch field.Known {
	case Host, ContentLength, Expect, XForwardedFor, XForwardedHost, XForwardedProto, Forwarded,
		ProbeProject, ProbeService, ProbeTarget, LookAlike:
		return false
	}
	return !q.options.hopByHop(field)
}

// Idempotent follows RFC 9110 section 9.2.2.
func (q *Request) Idempotent() bool {
	switch string(q.Method) {
	case "GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE":
		return true
	}
	return false
}

// Safe follows RFC 9110 section 9.2.1.
func (q *Request) Safe() bool {
	switch string(q.Method) {
	case "GET", "HEAD", "OPTIONS", "TRACE":
		return true
	}
	return false
}

// parseLength accepts digits only: no sign, no space, no list, at most 18 of them.
func parseLength(value []byte) (int64, error) {
	if len(value) == 0 || len(value) > 18 {
		return 0, ErrContentLength
	}
	var length int64
	for _, c := range value {
		if c < '0' || c > '9' {
			return 0, ErrContentLength
		}
		length = length*10 + int64(c-'0')
	}
	return length, nil
}
