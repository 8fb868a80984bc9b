package update

import (
	"fmt"
	"strings"
	"testing"
)

func TestTogetherHandsAPanicOn(t *testing.T) {
	done := false
	defer func() {
		if said := fmt.Sprint(recover()); !strings.Contains(said, "a bug") || !strings.Contains(said, "panic_test.go") || !done {
			t.Errorf("%q, the other act done: %t", said, done)
		}
	}()
	Together(func() { panic("a bug") }, func() { done = true })
}
