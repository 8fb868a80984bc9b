package main

import (
	"fmt"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// fault is the misbehaviour baked into an image: "[SERVICE:]NAME[=VALUE]", the
// service being api when it is left out. SHOP_FAULT overrides it at run time.
type fault struct {
	service string
	name    string
	value   string
}

var faults = parseFault(setting("SHOP_FAULT", bakedFault))

func parseFault(text string) fault {
	service, rest, named := strings.Cut(text, ":")
	if !named {
		service, rest = "api", text
	}
	name, value, _ := strings.Cut(rest, "=")
	return fault{service: service, name: name, value: value}
}

// begin arms the faults that need no request to show themselves. It may
// block (slow-boot) or not return at all (exit-at-once).
func (f *fault) begin(service string) {
	if f.name == "" || f.service != service {
		f.name = ""
		return
	}
	log.Printf("fault %s %s", f.name, f.value)
	switch f.name {
	case "exit-at-once":
		os.Exit(3)
	case "slow-boot":
		time.Sleep(f.duration(5 * time.Second))
	case "crash-after":
		time.AfterFunc(f.duration(time.Second), func() { os.Exit(4) })
	case "memory-hog":
		go hogMemory(f.megabytes(512))
	case "never-healthy", "answer-500", "hang", "hang-app", "errors", "slower":
	default:
		log.Fatalf("unknown fault %q", f.name)
	}
}

// wrap spoils the answers of next in the way the fault asks for. All but hang and
// never-healthy leave /health alone: such a version passes its health check
// and fails its users.
func (f *fault) wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		health := r.URL.Path == "/health"
		switch {
		case f.name == "hang", f.name == "hang-app" && !health:
			<-r.Context().Done()
		case f.name == "never-healthy" && health:
			http.Error(w, "this version never becomes healthy", http.StatusServiceUnavailable)
		case f.name == "errors" && !health && rand.Float64()*100 < f.percent(3):
			http.Error(w, "this version fails now and then", http.StatusInternalServerError)
		case f.name == "slower" && !health:
			time.Sleep(f.duration(60 * time.Millisecond))
			next.ServeHTTP(w, r)
		case f.name == "answer-500" && !health:
			http.Error(w, "this version is broken", http.StatusInternalServerError)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

func (f *fault) duration(fallback time.Duration) time.Duration {
	if value, err := time.ParseDuration(f.value); err == nil {
		return value
	}
	return fallback
}

func (f *fault) percent(fallback float64) float64 {
	if value, err := strconv.ParseFloat(f.value, 64); err == nil {
		return value
	}
	return fallback
}

func (f *fault) megabytes(fallback int) int {
	if value, err := strconv.Atoi(f.value); err == nil {
		return value
	}
	return fallback
}

// hogged keeps the memory reachable.
var hogged [][]byte

// hogMemory touches every page, because untouched memory costs nothing.
func hogMemory(megabytes int) {
	for range megabytes / 8 {
		block := make([]byte, 8<<20)
		for i := 0; i < len(block); i += 4096 {
			block[i] = 1
		}
		hogged = append(hogged, block)
		time.Sleep(50 * time.Millisecond)
	}
	fmt.Fprintf(os.Stderr, "holding %d MB\n", megabytes)
}
