package load

import (
	"fmt"
	"io"
	"strings"
)

// Print writes the report for people.
func (r *Report) Print(w io.Writer) {
	seconds := r.To.Sub(r.From).Seconds()
	fmt.Fprintf(w, "requests  %d in %.1f s: %d failed\n", r.Requests, seconds, r.Failed)
	for _, cause := range r.Causes {
		fmt.Fprintf(w, "          %6d  %s, such as %s: %s\n", cause.Count, cause.Name, cause.Samples[0].Target, strings.Join(strings.Fields(cause.Samples[0].Error), " "))
	}
	if r.Unsent > 0 {
		fmt.Fprintf(w, "          %6d  not sent, because so many waited for their answers\n", r.Unsent)
	}
	fmt.Fprintf(w, "outage    %.0f ms at most; %.0f ms without any answer at most\n", r.LongestOutageMS, r.LongestSilenceMS)
	fmt.Fprintf(w, "latency   p50 %.1f  p95 %.1f  p99 %.1f  max %.0f ms\n", r.P50MS, r.P95MS, r.P99MS, r.MaxMS)
	for _, span := range r.Versions {
		fmt.Fprintf(w, "version   %s answered %d, from %.1f s to %.1f s\n",
			span.Version, span.Count, span.First.Sub(r.From).Seconds(), span.Last.Sub(r.From).Seconds())
	}
	r.Streams.print(w)
	if r.Journal != nil {
		r.Journal.print(w)
	}
}

func (s *StreamReport) print(w io.Writer) {
	if s.SocketConnects+s.SocketRefused+s.EventsConnects+s.EventsRefused == 0 {
		return
	}
	fmt.Fprintf(w, "websocket %d echoes on %d connections: %d closed in order, %d cut, %d refused\n",
		s.Echoes, s.SocketConnects, s.SocketCloses, s.SocketCuts, s.SocketRefused)
	fmt.Fprintf(w, "events    %d on %d connections: %d ended in order, %d cut, %d refused, %d missing, %d repeated\n",
		s.Events, s.EventsConnects, s.EventsEnds, s.EventsCuts, s.EventsRefused, s.EventsMissing, s.EventsRepeated)
}

func (j *JournalReport) print(w io.Writer) {
	if j.Error != "" {
		fmt.Fprintf(w, "journal   could not be read: %s\n", j.Error)
		return
	}
	fmt.Fprintf(w, "orders    %d: %d doubled, %d vanished, %d half done, %d done but not answered\n",
		j.Orders, len(j.Doubled), len(j.Vanished), len(j.Halved), len(j.Unseen))
	fmt.Fprintf(w, "jobs      %d: %d lost, %d doubled\n", j.Jobs, len(j.LostJobs), len(j.DoubledJobs))
	fmt.Fprintf(w, "scheduler %d ticks, %d overlaps, %.1f s without a tick at most\n", j.Ticks, j.Overlaps, j.LongestTickGapMS/1000)
}
