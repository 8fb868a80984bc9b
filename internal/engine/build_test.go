package engine

import (
	"errors"
	"testing"
)

// A build begins again only where the classic builder met an image that was just
// removed, and not where a command of the Dockerfile failed.
func TestMetRemoval(t *testing.T) {
	for text, want := range map[string]bool{
		`unable to find image "sha256:2334da98"`:                         true,
		"The command '/bin/sh -c make' returned a non-zero code: 1":      false,
		"pull access denied for shop, repository does not exist":         false,
		"unable to find image 'shop:latest' locally, as its script says": false,
	} {
		if metRemoval(errors.New(text)) != want {
			t.Errorf("%s: %t", text, !want)
		}
	}
	if metRemoval(nil) {
		t.Error("a build without an error begins again")
	}
}
