package load

import "time"

// Sample is what became of one request.
type Sample struct {
	ID         string        `json:"id"`
	Target     string        `json:"target"`
	Kept       bool          `json:"kept"`           // on a kept connection
	Slow       bool          `json:"slow,omitempty"` // long on purpose
	Journalled bool          `json:"-"`
	Start      time.Time     `json:"start"`   // when it was due
	Latency    time.Duration `json:"latency"` // until the last byte, or the failure
	Status     int           `json:"status,omitempty"`
	Version    string        `json:"version,omitempty"`
	Instance   string        `json:"instance,omitempty"`
	Cause      string        `json:"cause,omitempty"` // class of the failure; empty = answered
	Error      string        `json:"error,omitempty"`
}

// Failed says whether the request got no right answer.
func (s *Sample) Failed() bool { return s.Cause != "" }

// End is when the answer was complete, or the failure known.
func (s *Sample) End() time.Time { return s.Start.Add(s.Latency) }

func (s *Sample) describe(answer *Answer, headers HeaderNames) {
	s.Status = answer.Status
	s.Version = answer.Header.Get(headers.Version)
	s.Instance = answer.Header.Get(headers.Instance)
}
