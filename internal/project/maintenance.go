package project

import (
	"errors"
	"io/fs"
	"net/netip"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of the maintenance settings. The edge has the same ones.
const (
	MaxPageBytes  = 64 << 10
	MaxRetryAfter = 24 * time.Hour
	MaxAllow      = 100
)

// Maintenance says how requests are answered that nobody may or can serve: during
// maintenance, and when a hold of an update takes too long.
type Maintenance struct {
	Page       string        // HTML; empty: the built-in page of the edge
	RetryAfter time.Duration // 0: the default of the edge
	Allow      []netip.Prefix
	HealthPass bool // requests for a health path are served during maintenance
}

// maintenance reads the page once, so that an update does not depend on the file.
func (c *checker) maintenance(p *Project) {
	const path = settingsKey + ".maintenance"
	settings := p.Settings.Maintenance
	p.Maintenance = Maintenance{RetryAfter: settings.RetryAfter, HealthPass: settings.Health != HealthPage}
	if settings.RetryAfter > MaxRetryAfter {
		c.fault(path+".retry_after", "write at most 24h", "%s is longer than a day", settings.RetryAfter)
	}
	if len(settings.Allow) > MaxAllow {
		c.fault(path+".allow", "", "more than %d networks", MaxAllow)
	}
	for _, text := range settings.Allow {
		if network, ok := ParseNetwork(text); ok { // else it was reported
			p.Maintenance.Allow = append(p.Maintenance.Allow, network)
		}
	}
	if settings.Page == "" {
		return
	}
	if c.recorded != nil {
		p.Maintenance.Page = c.recordedPage
		return
	}
	page, err := ReadPage(absolute(p.Directory, settings.Page))
	if err != nil {
		c.fault(path+".page", "the page is one HTML file of at most 64 KiB, with everything that it needs inside; the path starts from the project directory",
			"read the maintenance page %s: %s", printable(settings.Page), err)
	}
	p.Maintenance.Page = page
}

// ReadPage reads a maintenance page.
func ReadPage(path string) (string, error) {
	content, err := readLimited(path, MaxPageBytes)
	switch {
	case err != nil:
		var place *fs.PathError
		if errors.As(err, &place) {
			err = place.Err // the path is in the message already
		}
		return "", err
	case len(strings.TrimSpace(string(content))) == 0:
		return "", errors.New("it is empty")
	case !utf8.Valid(content):
		return "", errors.New("it is not UTF-8 text")
	}
	return string(content), nil
}

// ParseNetwork reads a network as 10.0.0.0/8, or one address.
func ParseNetwork(text string) (netip.Prefix, bool) {
	if network, err := netip.ParsePrefix(text); err == nil {
		return network.Masked(), true
	}
	address, err := netip.ParseAddr(text)
	if err != nil || address.Zone() != "" {
		return netip.Prefix{}, false
	}
	address = address.Unmap()
	return netip.PrefixFrom(address, address.BitLen()), true
}
