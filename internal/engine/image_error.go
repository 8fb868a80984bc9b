package engine

import (
	"errors"
	"net"
	"slices"
	"strings"

	"github.com/containerd/errdefs"
)

// ImageTrouble says why an image could not be had.
type ImageTrouble string

// The troubles with images.
const (
	ImageMissing     ImageTrouble = "missing"     // not on this host
	ImageUnknown     ImageTrouble = "unknown"     // the registry does not have it
	ImageLogin       ImageTrouble = "login"       // the registry wants a login (401)
	ImageForbidden   ImageTrouble = "forbidden"   // the registry denies it to this user (403)
	ImageRateLimited ImageTrouble = "rate-limit"  // the registry wants fewer requests (429)
	ImageUnreachable ImageTrouble = "unreachable" // no connection to the registry
	ImageBuildFailed ImageTrouble = "build"       // the build ended with an error
	ImageFailed      ImageTrouble = "failed"      // anything else
)

// ImageError says why an image could not be had.
type ImageError struct {
	Kind      ImageTrouble
	Reference string
	Output    []string // the last lines of a build or pull
	Err       error
}

func (e *ImageError) Error() string {
	text := map[ImageTrouble]string{
		ImageMissing:     "image " + e.Reference + " is not on this host",
		ImageUnknown:     "the registry does not have image " + e.Reference,
		ImageLogin:       "the registry wants a login for image " + e.Reference,
		ImageForbidden:   "the registry denies image " + e.Reference + " to this user",
		ImageRateLimited: "the registry limits the number of pulls and refuses image " + e.Reference,
		ImageUnreachable: "the registry of image " + e.Reference + " cannot be reached",
		ImageBuildFailed: "the build of image " + e.Reference + " failed",
		ImageFailed:      "image " + e.Reference + " could not be had",
	}[e.Kind]
	if e.Err != nil && e.Kind != ImageMissing {
		text += ": " + escapeControl(onceEach(e.Err.Error()))
	}
	if len(e.Output) > 0 {
		text += "\n  " + strings.Join(e.Output, "\n  ")
	}
	return text
}

// onceEach joins the lines of a text, each once: the engine and the library
// report the same failure.
func onceEach(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !slices.Contains(lines, line) {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "; ")
}

// Hint tells what to do about it.
func (e *ImageError) Hint() string {
	switch e.Kind {
	case ImageMissing:
		return "fetch it with docker compose pull, or build it with docker compose build"
	case ImageUnknown:
		return "check the name and the tag; a private image needs docker login too"
	case ImageLogin:
		return "log in as the user that runs gapless: docker login"
	case ImageForbidden:
		return "check that the account of docker login may read this repository"
	case ImageRateLimited:
		return "wait, or log in with docker login for a higher limit"
	case ImageUnreachable:
		return "check the network and the proxy settings of the docker daemon"
	}
	return ""
}

func (e *ImageError) Unwrap() error { return e.Err }

// pullTrouble finds out why a pull failed. The daemon hands on the words of
// the registry, mostly without a code that could be relied on.
func pullTrouble(err error) ImageTrouble {
	text := strings.ToLower(err.Error())
	has := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(text, part) {
				return true
			}
		}
		return false
	}
	var network net.Error
	switch {
	case has("toomanyrequests", "too many requests", "rate limit", "status: 429", "429 "):
		return ImageRateLimited
	case has("unauthorized", "no basic auth credentials", "authentication required", "status: 401", "401 "):
		return ImageLogin
	case has("pull access denied", "manifest unknown", "not found", "status: 404", "name unknown", "repository does not exist"):
		return ImageUnknown
	case errdefs.IsPermissionDenied(err), has("denied", "forbidden", "status: 403", "403 "):
		return ImageForbidden
	case errors.As(err, &network), has("no such host", "connection refused", "i/o timeout", "network is unreachable",
		"connection reset", "tls handshake timeout", "no route to host", "request canceled while waiting", "eof", "server misbehaving", "temporary failure"):
		return ImageUnreachable
	case errdefs.IsNotFound(err):
		return ImageUnknown
	}
	return ImageFailed
}
