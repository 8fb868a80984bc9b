package load

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Run is traffic in progress.
type Run struct {
	config  Config
	id      string // begins the id of every request of this run
	pool    *pool
	begin   time.Time
	cancel  context.CancelFunc
	pacing  sync.WaitGroup // what starts requests
	sending sync.WaitGroup // requests in flight, streams, transfers

	open   atomic.Int64 // requests that wait for their answer
	unsent atomic.Int64

	mutex   sync.Mutex
	samples []Sample
	streams StreamReport
}

// Start begins to send. It returns at once; traffic goes on until Stop or the
// end of ctx.
func Start(ctx context.Context, config Config) (*Run, error) {
	endpoint, err := config.validate()
	if err != nil {
		return nil, err
	}
	var random [4]byte
	rand.Read(random[:])
	ctx, cancel := context.WithCancel(ctx)
	r := &Run{
		config: config,
		id:     "r" + hex.EncodeToString(random[:]),
		pool:   &pool{endpoint: endpoint},
		begin:  time.Now(),
		cancel: cancel,
	}
	r.pacing.Go(func() { r.pace(ctx) })
	if config.Streams {
		r.sending.Go(func() { r.keepSocket(ctx) })
		r.sending.Go(func() { r.keepEvents(ctx) })
	}
	if config.TransferBytes > 0 {
		r.pacing.Go(func() { r.transfer(ctx) })
	}
	return r, nil
}

// Stop ends the traffic, waits for the answers to what was sent, asks the
// journal where that is wanted, and reports.
func (r *Run) Stop() Report {
	r.cancel()
	r.pacing.Wait()
	r.sending.Wait()
	r.pool.close()
	report := r.Snapshot()
	r.mutex.Lock()
	report.Streams = r.streams
	r.mutex.Unlock()
	if r.config.CompareJournal {
		report.Journal = r.compareJournal(report.samples)
	}
	return report
}

// Samples returns what was recorded so far, in the order of completion.
func (r *Run) Samples() []Sample {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]Sample(nil), r.samples...)
}

// Snapshot reports on the run so far, without streams and journal.
func (r *Run) Snapshot() Report {
	report := newReport(r.begin, time.Now(), r.Samples())
	report.Unsent = int(r.unsent.Load())
	return report
}

// pace starts request n at begin + n/rate. After a stall of this process the
// late ones start at once, and their latency tells of the stall. A request for
// which there is no room is counted, and never sent.
func (r *Run) pace(ctx context.Context) {
	mix := newMix(r.config.Targets, r.config.Seed)
	interval := time.Second / time.Duration(r.config.RatePerSecond)
	share := 0.0
	for n := 0; ; n++ {
		planned := r.begin.Add(time.Duration(n) * interval)
		if wait := time.Until(planned); wait > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(wait):
			}
		}
		if ctx.Err() != nil {
			return
		}
		share += r.config.KeepAliveShare
		keep := share >= 1
		if keep {
			share--
		}
		target := mix.next()
		if most := r.config.MaxOpen; most > 0 && r.open.Load() >= int64(most) {
			r.unsent.Add(1)
			continue
		}
		r.open.Add(1)
		r.sending.Go(func() {
			defer r.open.Add(-1)
			r.send(fmt.Sprintf("%s-%d", r.id, n), target, planned, keep)
		})
	}
}

// send makes one request and records what became of it.
func (r *Run) send(id string, target *Target, planned time.Time, keep bool) {
	deadline := planned.Add(r.config.Timeout)
	sample := Sample{ID: id, Target: target.Name, Kept: keep, Slow: target.Slow, Journalled: target.Journalled, Start: planned}
	connect := r.pool.dial
	if keep {
		connect = r.pool.kept
	}
	c, err := connect(deadline)
	if err == nil {
		c.SetDeadline(deadline)
		err = r.ask(c, &sample, target, keep)
	}
	r.record(sample, err)
}

// ask makes the request of a sample on a connection, and looks at the answer.
func (r *Run) ask(c *connection, sample *Sample, target *Target, keep bool) error {
	path := strings.ReplaceAll(target.Path, "{id}", sample.ID)
	answer, reusable, err := c.exchange(r.pool.endpoint, sample.ID, target, path, keep)
	if reusable {
		c.SetDeadline(time.Time{})
		r.pool.keep(c)
	} else {
		c.Close()
	}
	if answer != nil {
		sample.describe(answer, r.pool.endpoint.headers)
	}
	if err == nil {
		err = judge(sample.ID, target, answer)
	}
	if err == nil && target.Follow != nil {
		r.follow(sample.ID, target.Follow(answer), keep)
	}
	return err
}

// follow sends what the answer to a request asks for.
func (r *Run) follow(id string, target *Target, keep bool) {
	if target != nil {
		r.sending.Go(func() { r.send(id+"-next", target, time.Now(), keep) })
	}
}

func judge(id string, target *Target, answer *Answer) error {
	if answer.Status < 200 || answer.Status > 299 {
		return &statusError{answer.Status, strings.TrimSpace(string(answer.Body[:min(len(answer.Body), 120)]))}
	}
	if target.Check != nil {
		if err := target.Check(id, answer); err != nil {
			return &contentError{err}
		}
	}
	return nil
}

func (r *Run) record(sample Sample, err error) {
	sample.Latency = time.Since(sample.Start)
	if err != nil {
		sample.Cause = causeOf(err)
		sample.Error = err.Error()
	}
	r.mutex.Lock()
	r.samples = append(r.samples, sample)
	r.mutex.Unlock()
}
