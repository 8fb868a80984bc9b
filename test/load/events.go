package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// keepEvents reads server-sent events and connects again with Last-Event-ID
// when the stream ends: each id must be the one before plus one.
func (r *Run) keepEvents(ctx context.Context) {
	var last int64
	for ctx.Err() == nil {
		err := r.eventsOnce(ctx, &last)
		if ctx.Err() != nil {
			return
		}
		r.update(func(s *StreamReport) {
			var dial *dialError
			var status *statusError
			switch {
			case err == nil:
				s.EventsEnds++
				return
			case errors.As(err, &dial), errors.As(err, &status):
				s.EventsRefused++
			default:
				s.EventsCuts++
			}
			s.Problems = append(s.Problems, "events: "+err.Error())
		})
		pause(ctx)
	}
}

// eventsOnce returns nil when the server ended the stream in order.
func (r *Run) eventsOnce(ctx context.Context, last *int64) error {
	header := "Accept: text/event-stream\r\n"
	if *last > 0 {
		header += fmt.Sprintf("Last-Event-ID: %d\r\n", *last)
	}
	c, err := r.openStream(ctx, "/events", header)
	if err != nil {
		return err
	}
	defer c.Close()
	response, err := readAnswer(c.reader, http.MethodGet)
	if err != nil {
		return &dialError{err}
	}
	if response.StatusCode != http.StatusOK {
		return &statusError{response.StatusCode, "instead of 200"}
	}
	defer context.AfterFunc(ctx, func() { c.Close() })()
	r.update(func(s *StreamReport) { s.EventsConnects++ })
	lines := bufio.NewReader(response.Body)
	for {
		c.SetReadDeadline(time.Now().Add(r.config.Timeout))
		line, err := lines.ReadString('\n')
		if err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		if text, isID := strings.CutPrefix(line, "id: "); isID {
			id, _ := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
			r.noteEvent(id, last)
		}
	}
}

func (r *Run) noteEvent(id int64, last *int64) {
	r.update(func(s *StreamReport) {
		s.Events++
		switch {
		case *last == 0 || id == *last+1:
		case id > *last:
			s.EventsMissing += int(id - *last - 1)
		default:
			s.EventsRepeated++
		}
	})
	*last = max(*last, id)
}

// openStream connects and sends the head of a GET request.
func (r *Run) openStream(ctx context.Context, path, header string) (*connection, error) {
	deadline := time.Now().Add(r.config.Timeout)
	c, err := r.pool.dial(deadline)
	if err != nil {
		return nil, err
	}
	c.SetDeadline(deadline)
	_, err = fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: gapless-load\r\n%s\r\n", path, r.pool.endpoint.host, header)
	if err != nil {
		c.Close()
		return nil, &dialError{err}
	}
	return c, nil
}

func (r *Run) update(change func(*StreamReport)) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	change(&r.streams)
}
