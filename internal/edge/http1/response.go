package http1

import (
	"bytes"
	"errors"
)

// ErrStatusLine means that the application's answer does not begin like HTTP.
var ErrStatusLine = errors.New("invalid status line")

// Response is a parsed head. Its slices are valid until the Reader's Finish.
type Response struct {
	Status  int
	Reason  []byte
	Minor   int
	Fields  []Field
	Framing Framing
	Length  int64
	// KeepAlive tells whether the connection may carry another request afterwards.
	KeepAlive bool
	// IdleSeconds is the "timeout" of the Keep-Alive header; 0 when it says none.
	IdleSeconds int
	// UpgradeTo is the protocol switched to.
	UpgradeTo []byte

	options options
}

// Parse reads a head. noBody tells that the request was a HEAD.
func (p *Response) Parse(head []byte, noBody bool) error {
	p.options.reset()
	*p = Response{Fields: p.Fields[:0], options: p.options}
	line, rest, err := nextLine(head, true)
	if err != nil {
		return err
	}
	if err := p.parseLine(line); err != nil {
		return err
	}
	if p.Fields, err = parseFields(p.Fields, rest, true); err != nil {
		return err
	}
	return p.settle(noBody)
}

func (p *Response) parseLine(line []byte) error {
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) || line[8] != ' ' {
		return ErrStatusLine
	}
	if line[7] != '0' && line[7] != '1' {
		return ErrStatusLine
	}
	p.Minor = int(line[7] - '0')
	for _, c := range line[9:12] {
		if c < '0' || c > '9' {
			return ErrStatusLine
		}
		p.Status = p.Status*10 + int(c-'0')
	}
	if len(line) > 12 {
		if line[12] != ' ' {
			return ErrStatusLine
		}
		p.Reason = line[13:]
	}
	if p.Status < 100 || !all(p.Reason, valueChar) {
		return ErrStatusLine
	}
	return nil
}

func (p *Response) settle(noBody bool) error {
	length, chunked := int64(-1), false
	for _, field := range p.Fields {
		switch field.Known {
		case Connection:
			p.options.add(field.Value)
		case KeepAlive:
			p.IdleSeconds = keepAliveTimeout(field.Value)
		case Upgrade:
			p.UpgradeTo = field.Value
		case ContentLength:
			n, err := parseLength(field.Value)
			if err != nil || (length >= 0 && n != length) {
				return ErrContentLength
			}
			length = n
		case TransferEncoding:
			if chunked || !EqualFold(field.Value, "chunked") {
				return ErrTransferEncoding
			}
			chunked = true
		}
	}
	p.KeepAlive = !p.options.close && (p.Minor == 1 || p.options.keepAlive)
	p.frame(noBody, length, chunked)
	return nil
}

func (p *Response) frame(noBody bool, length int64, chunked bool) {
	p.Length = length
	switch {
	case p.Status < 200 || p.Status == 204 || p.Status == 304 || noBody:
		p.Framing = NoBody
	case chunked:
		// With both headers the chunks decide, and the connection is not trusted again.
		p.Framing = Chunked
		p.KeepAlive = p.KeepAlive && length < 0
		p.Length = -1
	case length >= 0:
		p.Framing = Length
	default:
		p.Framing = UntilClose
		p.KeepAlive = false
	}
}

// EndToEnd tells whether a field travels on unchanged.
func (p *Response) EndToEnd(field Field) bool {
	return field.Known != ContentLength && !p.options.hopByHop(field)
}

// keepAliveTimeout reads "timeout=5, max=100".
func keepAliveTimeout(value []byte) int {
	at := bytes.Index(value, []byte("timeout="))
	if at < 0 {
		return 0
	}
	seconds := 0
	for _, c := range value[at+len("timeout="):] {
		if c < '0' || c > '9' || seconds > 86400 {
			break
		}
		seconds = seconds*10 + int(c-'0')
	}
	return seconds
}
