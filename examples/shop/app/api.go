package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// api is the service that users reach. stopping ends when the process is told
// to stop: streams close by themselves then, everything else finishes.
type api struct {
	store    *storeClient
	stopping context.Context
	sockets  sync.WaitGroup
}

func runAPI(ctx context.Context) error {
	a := &api{store: newStoreClient(), stopping: ctx}
	err := serve(ctx, listenAddress(), identify(faults.wrap(a.routes())))
	a.sockets.Wait()
	return err
}

func (a *api) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", a.health)
	mux.HandleFunc("GET /{$}", a.home)
	mux.HandleFunc("POST /orders", a.createOrder)
	mux.HandleFunc("GET /orders/{id}", a.showOrder)
	mux.HandleFunc("GET /slow", a.slow)
	mux.HandleFunc("POST /upload", a.upload)
	mux.HandleFunc("GET /download", a.download)
	mux.HandleFunc("GET /events", a.events)
	mux.HandleFunc("GET /ws", a.socket)
	mux.HandleFunc("GET /journal", a.journal)
	return mux
}

// health is 200 only when the store answers: without it no order succeeds.
func (a *api) health(w http.ResponseWriter, r *http.Request) {
	if err := a.store.Healthy(r.Context()); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ok\n")
}

func (a *api) home(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"version": version, "instance": instance()})
}

// createOrder does not look whether it has seen the id before: an order that
// is sent twice is made twice, and the journal shows it.
func (a *api) createOrder(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 4<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var order struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(body, &order); err != nil || order.ID == "" {
		http.Error(w, `the body must be JSON with an "id"`, http.StatusBadRequest)
		return
	}
	// A client that goes away must not leave half an order.
	ctx := context.WithoutCancel(r.Context())
	err = a.store.Append(ctx, note(orderStarted, order.ID))
	if err == nil {
		err = a.store.Append(ctx, note(orderFinished, order.ID), note(jobQueued, order.ID))
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, http.StatusCreated, map[string]any{"id": order.ID, "version": version, "bytes": len(body)})
}

func (a *api) showOrder(w http.ResponseWriter, r *http.Request) {
	entries, err := a.store.Entries(r.Context(), r.PathValue("id"))
	switch {
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	case len(entries) == 0:
		http.Error(w, "no such order", http.StatusNotFound)
	default:
		writeJSON(w, http.StatusOK, map[string]any{"id": r.PathValue("id"), "entries": entries})
	}
}

// slow answers after ?ms= milliseconds.
func (a *api) slow(w http.ResponseWriter, r *http.Request) {
	milliseconds, err := strconv.Atoi(r.URL.Query().Get("ms"))
	if err != nil || milliseconds < 0 || milliseconds > 600_000 {
		http.Error(w, "ms must be between 0 and 600000", http.StatusBadRequest)
		return
	}
	select {
	case <-r.Context().Done():
	case <-time.After(time.Duration(milliseconds) * time.Millisecond):
		a.home(w, r)
	}
}

// journal passes on the entries after ?after= whose id begins with ?prefix=.
func (a *api) journal(w http.ResponseWriter, r *http.Request) {
	entries, err := a.store.List(r.Context(), r.URL.Query())
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer entries.Close()
	w.Header().Set("Content-Type", "application/x-ndjson")
	io.Copy(w, entries)
}
