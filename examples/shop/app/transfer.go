package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"
)

// upload answers the SHA-256 of what arrived, so that a client can tell a
// whole upload from a cut one.
func (a *api) upload(w http.ResponseWriter, r *http.Request) {
	digest := sha256.New()
	size, err := io.Copy(digest, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"sha256": hex.EncodeToString(digest.Sum(nil)), "bytes": size, "version": version,
	})
}

// pattern is the content of downloads, repeated: byte i is i XOR i/256.
var pattern = func() []byte {
	block := make([]byte, 1<<16)
	for i := range block {
		block[i] = byte(i ^ i>>8)
	}
	return block
}()

// download sends ?bytes= bytes of the pattern.
func (a *api) download(w http.ResponseWriter, r *http.Request) {
	size, err := strconv.ParseInt(r.URL.Query().Get("bytes"), 10, 64)
	if err != nil || size < 0 {
		http.Error(w, "bytes must be a number", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	for size > 0 {
		written, err := w.Write(pattern[:min(size, int64(len(pattern)))])
		if err != nil {
			return
		}
		size -= int64(written)
	}
}

const (
	eventInterval = 100 * time.Millisecond
	replayLimit   = 3000 // events, that is five minutes
)

// events sends one event each 100 ms. The id is the number of the interval
// since 1970, the same in every copy of the service, so that a client that
// reconnects with Last-Event-ID gets every event once, whoever answers.
func (a *api) events(w http.ResponseWriter, r *http.Request) {
	flusher := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	fmt.Fprint(w, "retry: 200\n\n")
	next := firstEvent(r)
	ended, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(a.stopping, cancel)()
	for {
		for ; next <= currentEvent(); next++ {
			fmt.Fprintf(w, "id: %d\ndata: %s %s\n\n", next, version, instance())
		}
		if flusher.Flush() != nil {
			return
		}
		select {
		case <-ended.Done():
			return
		case <-time.After(time.Until(time.UnixMilli(next * eventInterval.Milliseconds()))):
		}
	}
}

func currentEvent() int64 { return time.Now().UnixMilli() / eventInterval.Milliseconds() }

func firstEvent(r *http.Request) int64 {
	last, err := strconv.ParseInt(r.Header.Get("Last-Event-ID"), 10, 64)
	if err != nil {
		return currentEvent()
	}
	return max(last+1, currentEvent()-replayLimit)
}
