package cli

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"gapless/internal/edge/wire"
	"gapless/internal/edgectl"
	"gapless/internal/project"
)

// maintenanceFlags override the maintenance settings of the compose file.
type maintenanceFlags struct {
	page, retryAfter, health string
	allow                    []string
	given                    func(name string) bool
}

// maintenanceOf joins the flags with the settings.
func (s *session) maintenanceOf(flags maintenanceFlags) (*wire.Maintenance, error) {
	settings := s.project.Maintenance
	if s.unreadable != nil {
		settings.HealthPass = true // as where nothing is set
	}
	for _, override := range []struct {
		name string
		by   func(*project.Maintenance) error
	}{{"page", flags.setPage}, {"retry-after", flags.setRetryAfter}, {"allow", flags.setAllow}, {"health", flags.setHealth}} {
		if !flags.given(override.name) {
			continue
		}
		if err := override.by(&settings); err != nil {
			return nil, err
		}
	}
	wanted := &wire.Maintenance{HealthPass: settings.HealthPass, Since: time.Now().UTC().Truncate(time.Second)}
	wanted.Page = wire.Page{HTML: settings.Page, RetryAfterSeconds: edgectl.RetryAfterSeconds(settings.RetryAfter)}
	for _, network := range settings.Allow {
		wanted.Allow = append(wanted.Allow, network.String())
	}
	return wanted, nil
}

// setPage reads the file; an empty name means the built-in page.
func (f maintenanceFlags) setPage(settings *project.Maintenance) (err error) {
	settings.Page = ""
	if f.page == "" {
		return nil
	}
	if settings.Page, err = project.ReadPage(f.page); err != nil {
		return refuse(fmt.Errorf("read the maintenance page %s: %w", shorten(f.page, 200), err), "it is one HTML file of at most 64 KiB, with everything that it needs inside")
	}
	return nil
}

// setRetryAfter reads seconds, as the header has them, or a duration.
func (f maintenanceFlags) setRetryAfter(settings *project.Maintenance) error {
	retryAfter, err := time.ParseDuration(f.retryAfter)
	if seconds, plainErr := strconv.ParseUint(f.retryAfter, 10, 31); plainErr == nil {
		retryAfter, err = time.Duration(seconds)*time.Second, nil
	}
	if err != nil || retryAfter <= 0 || retryAfter > project.MaxRetryAfter {
		return &exitStatus{code: exitError, err: fmt.Errorf("--retry-after %q is not a time up to a day", shorten(f.retryAfter, 60)), hint: "write seconds such as 120, or a duration such as 10m"}
	}
	settings.RetryAfter = retryAfter
	return nil
}

func (f maintenanceFlags) setAllow(settings *project.Maintenance) error {
	settings.Allow = []netip.Prefix{}
	for _, text := range f.allow {
		network, ok := project.ParseNetwork(text)
		if !ok {
			return &exitStatus{code: exitError, err: fmt.Errorf("--allow %q is no network", shorten(text, 60)), hint: "write a network or an address such as 10.0.0.0/8 or 192.0.2.7"}
		}
		settings.Allow = append(settings.Allow, network)
	}
	return nil
}

func (f maintenanceFlags) setHealth(settings *project.Maintenance) error {
	policy := project.HealthPolicy(f.health)
	if policy != project.HealthPass && policy != project.HealthPage {
		return &exitStatus{code: exitError, err: fmt.Errorf("--health %q is unknown", shorten(f.health, 60)), hint: "use pass or page"}
	}
	settings.HealthPass = policy == project.HealthPass
	return nil
}
