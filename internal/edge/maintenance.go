package edge

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"

	"gapless/internal/edge/http1"
	"gapless/internal/edge/wire"
)

// maxAllow bounds the work for one request during maintenance.
const maxAllow = 100

// maintenance is a wire.Maintenance as one service applies it.
type maintenance struct {
	page  *page
	allow []netip.Prefix
	// healthPath is served all the same; empty for none.
	healthPath string
}

// newMaintenance prepares what was checked before; nil stays nil.
func newMaintenance(wanted *wire.Maintenance, healthPath string) *maintenance {
	if wanted == nil {
		return nil
	}
	m := &maintenance{page: newPage(wanted.Page)}
	for _, cidr := range wanted.Allow {
		if prefix, err := netip.ParsePrefix(cidr); err == nil {
			m.allow = append(m.allow, prefix)
		}
	}
	if wanted.HealthPass {
		m.healthPath = healthPath
	}
	return m
}

func validateMaintenance(m wire.Maintenance) error {
	faults := []error{validatePage(m.Page)}
	if len(m.Allow) > maxAllow {
		faults = append(faults, fmt.Errorf("more than %d networks are allowed", maxAllow))
	}
	for _, cidr := range m.Allow {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			faults = append(faults, fmt.Errorf("allowed network %q is not a CIDR", cidr))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("maintenance: %w", err)
	}
	return nil
}

// serves tells whether a request is served in spite of the maintenance.
func (m *maintenance) serves(c *client) bool {
	if m.healthPath != "" && string(c.request.Path) == m.healthPath {
		return true
	}
	if len(m.allow) == 0 {
		return false
	}
	address := c.address()
	for _, prefix := range m.allow {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// address is where the request comes from: the peer, or, where the peer is a proxy that
// is believed, the last address in X-Forwarded-For that is no such proxy. What stands
// before it was written by somebody whom nobody vouches for. It is not valid where the
// proxies tell nothing.
func (c *client) address() netip.Addr {
	peer, _ := netip.ParseAddr(c.peer)
	if !c.trusted {
		return peer
	}
	last := peer
	for i := len(c.request.Fields) - 1; i >= 0; i-- {
		field := c.request.Fields[i]
		if field.Known != http1.XForwardedFor {
			continue
		}
		for entry := field.Value; len(entry) > 0; {
			comma := bytes.LastIndexByte(entry, ',')
			told := forwardedAddress(string(bytes.TrimSpace(entry[comma+1:])))
			if !told.IsValid() || !c.believes(told) {
				return told
			}
			last, entry = told, entry[:max(comma, 0)]
		}
	}
	return last
}

// believes tells whether an address is one of the proxies that the listener trusts.
func (c *client) believes(address netip.Addr) bool {
	for _, prefix := range c.origin.trustedPrefixes() {
		if prefix.Contains(address) {
			return true
		}
	}
	return false
}

// forwardedAddress reads an address with or without a port.
func forwardedAddress(text string) netip.Addr {
	if address, err := netip.ParseAddr(text); err == nil {
		return address.Unmap()
	}
	if withPort, err := netip.ParseAddrPort(text); err == nil {
		return withPort.Addr().Unmap()
	}
	return netip.Addr{}
}
