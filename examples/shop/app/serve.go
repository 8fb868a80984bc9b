package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"time"
)

// drainLimit stays under the stop grace period of compose.yaml, so that the
// process ends by itself and is not killed.
const drainLimit = 25 * time.Second

// serve answers on address until ctx ends, then stops accepting and lets the
// requests that it has finish.
func serve(ctx context.Context, address string, handler http.Handler) error {
	server := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: time.Minute}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	log.Printf("listening on %s", address)
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	log.Print("stopping")
	limited, cancel := context.WithTimeout(context.Background(), drainLimit)
	defer cancel()
	if err := server.Shutdown(limited); err != nil {
		return fmt.Errorf("stop serving: %w", err)
	}
	return nil
}

// serveHealth gives services without an HTTP interface of their own the
// /health that their healthcheck asks.
func serveHealth(ctx context.Context) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	if err := serve(ctx, listenAddress(), identify(faults.wrap(mux))); err != nil && !errors.Is(err, http.ErrServerClosed) {
		log.Printf("health endpoint: %v", err)
	}
}

func listenAddress() string { return setting("SHOP_LISTEN", ":8000") }

// runHealth is the container's healthcheck: an image from scratch has no curl.
func runHealth(ctx context.Context) error {
	address := "http://127.0.0.1:8000/health"
	if len(os.Args) > 2 {
		address = os.Args[2]
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", address, response.Status)
	}
	return nil
}
