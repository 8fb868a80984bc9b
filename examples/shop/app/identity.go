package main

import (
	"net/http"
	"os"
)

// version and bakedFault are set by the linker, so that two images differ in
// nothing but what they are.
var (
	version    = "dev"
	bakedFault = ""
)

// instance names this process among its copies: inside a container the host
// name is the short container id.
func instance() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// identify puts the version and the instance on every answer, which is how a
// client can tell who served it.
func identify(next http.Handler) http.Handler {
	name := instance()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Shop-Version", version)
		w.Header().Set("Shop-Instance", name)
		next.ServeHTTP(w, r)
	})
}

// setting reads an environment variable with a default.
func setting(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
