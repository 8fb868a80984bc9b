package http1

import "bytes"

// options is what the Connection header says, and which other headers it names.
type options struct {
	close, keepAlive, upgrade bool
	listed                    [][]byte
}

func (o *options) add(value []byte) {
	for len(value) > 0 {
		token := value
		if comma := bytes.IndexByte(value, ','); comma >= 0 {
			token, value = value[:comma], value[comma+1:]
		} else {
			value = nil
		}
		token = trim(token)
		switch {
		case len(token) == 0:
		case EqualFold(token, "close"):
			o.close = true
		case EqualFold(token, "keep-alive"):
			o.keepAlive = true
		case EqualFold(token, "upgrade"):
			o.upgrade = true
		default:
			o.listed = append(o.listed, token)
		}
	}
}

func (o *options) reset() { *o = options{listed: o.listed[:0]} }

// names tells whether the Connection header lists this name as hop-by-hop.
func (o *options) names(name []byte) bool {
	for _, token := range o.listed {
		if bytes.EqualFold(token, name) {
			return true
		}
	}
	return false
}

// hopByHop tells whether a header belongs to one connection only.
func (o *options) hopByHop(field Field) bool {
	switch field.Known {
	case Connection, KeepAlive, ProxyConnection, TE, TransferEncoding, Upgrade:
		return true
	case Host, ContentLength:
		// Framing and routing never depend on what a peer lists.
		return false
	}
	return len(o.listed) > 0 && o.names(field.Name)
}
