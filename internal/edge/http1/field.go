package http1

import (
	"bytes"
	"errors"
)

// Errors of a head's grammar. Each is a reason to refuse the whole message.
var (
	ErrBareLineFeed = errors.New("line does not end in CRLF")
	ErrFolded       = errors.New("folded header line")
	ErrFieldName    = errors.New("invalid header name")
	ErrFieldValue   = errors.New("invalid header value")
	ErrTooManyField = errors.New("too many header lines")
)

// maxFields bounds the work that one head can cause.
const maxFields = 256

// Name marks the header names that a proxy must act on.
type Name uint8

// The names that are acted on; all others are Other and pass through.
const (
	Other Name = iota
	Connection
	ContentLength
	Expect
	Forwarded
	Host
	KeepAlive
	ProxyConnection
	TE
	Trailer
	TransferEncoding
	Upgrade
	XForwardedFor
	XForwardedHost
	XForwardedProto
	ProbeProject
	ProbeService
	ProbeTarget
	// LookAlike is one of the names above spelled with underscores. Applications that
	// read headers from environment variables cannot tell them apart, so it is dropped.
	LookAlike
)

var namesByLength = func() (table [24][]struct {
	text string
	name Name
}) {
	for text, name := range map[string]Name{
		"connection": Connection, "content-length": ContentLength, "expect": Expect,
		"forwarded": Forwarded, "host": Host, "keep-alive": KeepAlive,
		"proxy-connection": ProxyConnection, "te": TE, "trailer": Trailer,
		"transfer-encoding": TransferEncoding, "upgrade": Upgrade,
		"x-forwarded-for": XForwardedFor, "x-forwarded-host": XForwardedHost,
		"x-forwarded-proto": XForwardedProto, "gapless-project": ProbeProject,
		"gapless-service": ProbeService, "gapless-target": ProbeTarget,
	} {
		entry := struct {
			text string
			name Name
		}{text, name}
		table[len(text)] = append(table[len(text)], entry)
	}
	return table
}()

func nameOf(name []byte) Name {
	if len(name) >= len(namesByLength) {
		return Other
	}
	for _, entry := range namesByLength[len(name)] {
		if EqualFold(name, entry.text) {
			return entry.name
		}
	}
	if bytes.IndexByte(name, '_') >= 0 {
		dashed := bytes.ReplaceAll(name, []byte("_"), []byte("-"))
		if nameOf(dashed) != Other {
			return LookAlike
		}
	}
	return Other
}

// EqualFold compares with an ASCII lower-case text.
func EqualFold(name []byte, lower string) bool {
	if len(name) != len(lower) {
		return false
	}
	for i := range len(lower) {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

// Field is one header line. Name and Value point into the Reader's buffer.
type Field struct {
	Name, Value []byte
	Known       Name
}

// character classes
const (
	tokenChar = 1 << iota
	valueChar
	targetChar
	hostChar
)

var class = func() (table [256]byte) {
	for c := range 256 {
		switch {
		case c == '\t' || c == ' ':
			table[c] = valueChar
		case c > ' ' && c < 0x7f:
			table[c] = valueChar | targetChar
		case c >= 0x80:
			table[c] = valueChar | targetChar
		}
	}
	for _, c := range "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
		table[c] |= tokenChar
	}
	for _, c := range "-._~%!$&'()*+,;=:[]0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" {
		table[c] |= hostChar
	}
	return table
}()

func all(b []byte, mask byte) bool {
	for _, c := range b {
		if class[c]&mask == 0 {
			return false
		}
	}
	return true
}

// nextLine cuts one line off a head. A head from an application may end its lines
// with a bare line feed (lenient): every line is written anew, so nothing leaks on.
func nextLine(b []byte, lenient bool) (line, rest []byte, err error) {
	feed := bytes.IndexByte(b, '\n')
	switch {
	case feed > 0 && b[feed-1] == '\r':
		return b[:feed-1], b[feed+1:], nil
	case feed >= 0 && lenient:
		return b[:feed], b[feed+1:], nil
	}
	return nil, nil, ErrBareLineFeed
}

func parseFields(fields []Field, b []byte, lenient bool) ([]Field, error) {
	for {
		line, rest, err := nextLine(b, lenient)
		if err != nil {
			return fields, err
		}
		if len(line) == 0 {
			return fields, nil
		}
		field, err := parseField(line)
		if err != nil {
			return fields, err
		}
		if len(fields) == maxFields {
			return fields, ErrTooManyField
		}
		fields = append(fields, field)
		b = rest
	}
}

func parseField(line []byte) (Field, error) {
	if line[0] == ' ' || line[0] == '\t' {
		return Field{}, ErrFolded
	}
	colon := 0
	for colon < len(line) && class[line[colon]]&tokenChar != 0 {
		colon++
	}
	if colon == 0 || colon == len(line) || line[colon] != ':' {
		return Field{}, ErrFieldName
	}
	value := trim(line[colon+1:])
	if !all(value, valueChar) {
		return Field{}, ErrFieldValue
	}
	name := line[:colon]
	return Field{Name: name, Value: value, Known: nameOf(name)}, nil
}

func trim(b []byte) []byte {
	for len(b) > 0 && (b[0] == ' ' || b[0] == '\t') {
		b = b[1:]
	}
	for len(b) > 0 && (b[len(b)-1] == ' ' || b[len(b)-1] == '\t') {
		b = b[:len(b)-1]
	}
	return b
}

// AppendField writes one header line.
func AppendField(b, name, value []byte) []byte {
	b = append(b, name...)
	b = append(b, ": "...)
	b = append(b, value...)
	return append(b, "\r\n"...)
}
