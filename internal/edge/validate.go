package edge

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gapless/internal/edge/wire"
)

// Bounds of one project's configuration.
const (
	maxServices  = 200
	maxListeners = 50
	maxTargets   = 200
	maxHosts     = 200
	maxWeight    = 1_000_000
	maxUnixPath  = 107
)

var (
	projectName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	plainName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)
	hostName    = regexp.MustCompile(`^(\*\.)?[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
)

// validate checks a whole project and returns every fault at once.
func validate(config wire.ProjectConfig) error {
	var faults []error
	if !projectName.MatchString(config.Project) {
		faults = append(faults, fmt.Errorf("project name %q is not valid", config.Project))
	}
	if len(config.Services) > maxServices || len(config.Listeners) > maxListeners {
		faults = append(faults, fmt.Errorf("more than %d services or %d listeners", maxServices, maxListeners))
		return errors.Join(faults...)
	}
	names := map[string]bool{}
	for _, l := range config.Listeners {
		if names[l.Name] {
			faults = append(faults, fmt.Errorf("listener %q is named twice", l.Name))
		}
		names[l.Name] = true
		faults = append(faults, validateListener(l)...)
	}
	if config.Maintenance != nil {
		if err := validateMaintenance(*config.Maintenance); err != nil {
			faults = append(faults, err)
		}
	}
	services := map[string]bool{}
	for _, s := range config.Services {
		if services[s.Name] {
			faults = append(faults, fmt.Errorf("service %q is named twice", s.Name))
		}
		services[s.Name] = true
		for _, fault := range validateService(s, names) {
			faults = append(faults, fmt.Errorf("service %q: %w", s.Name, fault))
		}
	}
	return errors.Join(faults...)
}

func validateListener(l wire.Listener) (faults []error) {
	fault := func(format string, values ...any) {
		faults = append(faults, fmt.Errorf("listener %q: "+format, append([]any{l.Name}, values...)...))
	}
	if l.Name == "" {
		fault("it has no name")
	}
	switch l.Network {
	case "tcp":
		host, port, err := net.SplitHostPort(l.Address)
		if number, bad := strconv.Atoi(port); err != nil || bad != nil || number < 1 || number > 65535 {
			fault("address %q is not host:port", l.Address)
		}
		if _, err := netip.ParseAddr(host); host != "" && err != nil {
			fault("host of address %q is not an IP address", l.Address)
		}
	case "unix":
		if !filepath.IsAbs(l.Address) || filepath.Clean(l.Address) != l.Address || len(l.Address) > maxUnixPath {
			fault("path %q is not absolute, clean and at most %d bytes", l.Address, maxUnixPath)
		}
	default:
		fault("network %q is neither tcp nor unix", l.Network)
	}
	for _, cidr := range l.TrustedProxies {
		if _, err := netip.ParsePrefix(cidr); err != nil {
			fault("trusted proxy %q is not a CIDR", cidr)
		}
	}
	return faults
}

func validateService(s wire.Service, listenerNames map[string]bool) (faults []error) {
	fault := func(format string, values ...any) {
		faults = append(faults, fmt.Errorf(format, values...))
	}
	if !plainName.MatchString(s.Name) {
		fault("the name is not valid")
	}
	for _, name := range s.Listeners {
		if !listenerNames[name] {
			fault("listener %q is not declared", name)
		}
	}
	if len(s.Hosts) > maxHosts || len(s.Targets) > maxTargets {
		fault("more than %d hosts or %d targets", maxHosts, maxTargets)
		return faults
	}
	for _, host := range s.Hosts {
		if !hostName.MatchString(strings.ToLower(host)) {
			fault("host %q is neither a name nor *.name", host)
		}
	}
	if s.PathPrefix != "" && (s.PathPrefix[0] != '/' || strings.ContainsAny(s.PathPrefix, " ?#\r\n\t\x00")) {
		fault("path prefix %q does not begin with a slash or has a query", s.PathPrefix)
	}
	if s.HealthPath != "" && (s.HealthPath[0] != '/' || strings.ContainsAny(s.HealthPath, " ?#\r\n\t\x00")) {
		fault("health path %q does not begin with a slash or has a query", s.HealthPath)
	}
	ids := map[string]bool{}
	for _, t := range s.Targets {
		if ids[t.ID] {
			fault("target %q is named twice", t.ID)
		}
		ids[t.ID] = true
		if err := validateTarget(t); err != nil {
			faults = append(faults, err)
		}
	}
	return faults
}

func validateTarget(t wire.Target) error {
	address, err := netip.ParseAddrPort(t.Address)
	switch {
	case !plainName.MatchString(t.ID):
		return fmt.Errorf("target id %q is not valid", t.ID)
	case len(t.Generation) > 128:
		return fmt.Errorf("target %q: generation is too long", t.ID)
	case err != nil || address.Port() == 0:
		return fmt.Errorf("target %q: address %q is not ip:port", t.ID, t.Address)
	case t.Weight < 0 || t.Weight > maxWeight:
		return fmt.Errorf("target %q: weight %d is not within 0 and %d", t.ID, t.Weight, maxWeight)
	}
	return nil
}

// claims lists what a service answers for: listener, host and path prefix.
func claimsOf(config wire.ProjectConfig, s wire.Service) []routeClaim {
	var claims []routeClaim
	for _, l := range config.Listeners {
		if len(s.Listeners) > 0 && !slices.Contains(s.Listeners, l.Name) {
			continue
		}
		hosts := s.Hosts
		if len(hosts) == 0 {
			hosts = []string{""}
		}
		for _, host := range hosts {
			claims = append(claims, routeClaim{listenerKey(l.Network, l.Address), strings.ToLower(host), prefixOf(s)})
		}
	}
	return claims
}

func prefixOf(s wire.Service) string {
	if s.PathPrefix == "" || s.PathPrefix == "/" {
		return "/"
	}
	return strings.TrimSuffix(s.PathPrefix, "/")
}

type routeClaim struct{ listener, host, prefix string }

func (r routeClaim) String() string {
	_, address, _ := strings.Cut(r.listener, "!")
	host := r.host
	if host == "" {
		host = "any host"
	}
	return fmt.Sprintf("%s%s on %s", host, r.prefix, address)
}
