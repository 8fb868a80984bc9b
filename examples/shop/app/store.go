package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"time"
)

// store stands in for the application's database: stateful, durable, one
// copy. Its protocol is HTTP so that it needs no driver.
type store struct {
	state   *state
	journal *journal
}

func runStore(ctx context.Context) error {
	state := newState()
	path := filepath.Join(setting("SHOP_DATA", "/data"), "journal")
	opened, err := openJournal(path, state.apply)
	if err != nil {
		return err
	}
	return serve(ctx, listenAddress(), identify(faults.wrap((&store{state, opened}).routes())))
}

func (s *store) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("POST /entries", s.append)
	mux.HandleFunc("GET /entries", s.list)
	mux.HandleFunc("GET /keys/{key}", s.key)
	mux.HandleFunc("POST /take", s.take)
	return mux
}

func (s *store) append(w http.ResponseWriter, r *http.Request) {
	var entries []Entry
	if err := json.NewDecoder(r.Body).Decode(&entries); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if err := s.journal.Append(entries...); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// list answers one JSON entry per line: those of ?id=, else those after
// ?after= whose id begins with ?prefix=.
func (s *store) list(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	var entries []Entry
	if id := query.Get("id"); id != "" {
		entries = s.state.withID(id)
	} else {
		seq, _ := strconv.ParseInt(query.Get("after"), 10, 64)
		entries = s.state.after(seq, query.Get("prefix"))
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	encoder := json.NewEncoder(w)
	for _, entry := range entries {
		if encoder.Encode(entry) != nil {
			return
		}
	}
}

func (s *store) key(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, s.state.key(r.PathValue("key")))
}

// take waits up to a second for jobs, leases at most ?max= of them to ?by=
// and answers their ids.
func (s *store) take(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	limit, err := strconv.Atoi(query.Get("max"))
	if err != nil || limit < 1 {
		http.Error(w, "max must be a positive number", http.StatusBadRequest)
		return
	}
	ids := s.state.take(limit, time.Now())
	if len(ids) == 0 {
		select {
		case <-s.state.arrived:
		case <-time.After(time.Second):
		case <-r.Context().Done():
			return
		}
		ids = s.state.take(limit, time.Now())
	}
	entries := make([]Entry, 0, len(ids))
	for _, id := range ids {
		entries = append(entries, Entry{Kind: jobTaken, ID: id, By: query.Get("by"), Version: query.Get("version")})
	}
	if len(entries) > 0 {
		if err := s.journal.Append(entries...); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	writeJSON(w, http.StatusOK, ids)
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// The client may have gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(value)
}
