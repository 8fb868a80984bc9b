package project

import (
	"time"

	"github.com/compose-spec/compose-go/v2/types"
)

// mostRetries is where a healthcheck stops being one.
const mostRetries = 10_000

// healthcheck refuses what the engine refuses, and gates that end before the
// service may be up.
func (c *checker) healthcheck(path string, service Service, config *types.HealthCheckConfig) {
	if config == nil {
		return
	}
	path += ".healthcheck"
	durations := []struct {
		key   string
		value *types.Duration
	}{
		{"interval", config.Interval}, {"timeout", config.Timeout},
		{"start_period", config.StartPeriod}, {"start_interval", config.StartInterval},
	}
	for _, duration := range durations {
		if duration.value == nil {
			continue
		}
		if value := time.Duration(*duration.value); value != 0 && value < time.Millisecond {
			c.fault(path+"."+duration.key, "write a duration of at least 1ms, such as 10s", "healthcheck %s %s is below 1ms", duration.key, value)
		}
	}
	check := service.Healthcheck
	if check == nil {
		return
	}
	if check.Retries > mostRetries {
		c.fault(path+".retries", "write a number from 1 to 100", "%d retries: it could take more than %s until the container counts as unhealthy", *config.Retries, check.Deadline())
	} else if check.Retries > maxRetries {
		c.risk(path+".retries", "", "%d retries: it can take %s until a container counts as unhealthy", check.Retries, check.Deadline())
	}
	if check.Timeout > check.Interval && config.Timeout != nil && config.Interval != nil {
		c.risk(path+".timeout", "", "a probe may take %s (timeout) although one is due every %s (interval)", check.Timeout, check.Interval)
	}
	if deadline := service.Gate.Deadline; deadline > 0 && check.StartPeriod > deadline {
		c.fault("services."+service.Name+"."+settingsKey+".gate.deadline", "make the deadline longer than start_period",
			"the gate ends after %s, but the service may take %s (start_period) to start", deadline, check.StartPeriod)
	}
}
