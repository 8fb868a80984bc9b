package edgectl

import (
	"net/http"
	"path/filepath"

	"gapless/internal/edge/wire"
)

// Probe returns a transport whose requests reach exactly one target through the same
// code as traffic, whatever its weight, without counting as traffic. Answers of the
// edge itself carry wire.HeaderCause.
func (c *Client) Probe(projectName, serviceName, targetID string) http.RoundTripper {
	transport := socketTransport(filepath.Join(c.directory, wire.ProbeSocketName))
	// Each probe stands for itself.
	transport.DisableKeepAlives = true
	return &probe{projectName, serviceName, targetID, transport}
}

type probe struct {
	project, service, target string
	transport                *http.Transport
}

func (p *probe) RoundTrip(request *http.Request) (*http.Response, error) {
	request = request.Clone(request.Context())
	request.Header.Set(wire.HeaderProject, p.project)
	request.Header.Set(wire.HeaderService, p.service)
	request.Header.Set(wire.HeaderTarget, p.target)
	response, err := p.transport.RoundTrip(request)
	if err != nil {
		return nil, notRunning(err)
	}
	return response, nil
}
