package ddl

import "encoding/json"

// Class says what a statement does to an application that runs. It is a set;
// the empty one is class a: it only adds, and is safe beside the old code.
type Class uint8

// The members of a class.
const (
	Breaks Class = 1 << iota // b: breaks the old code
	Slow                     // c: availability: a long lock, a rewrite or a scan
	Loses                    // d: irreversible, or loses data
	Opaque                   // not understood; counts as b and c
)

// Safe is class a.
const Safe Class = 0

func (c Class) String() string {
	switch {
	case c&Opaque != 0:
		return "unknown"
	case c == Safe:
		return "a"
	}
	text := ""
	for i, letter := range []string{"b", "c", "d"} {
		if c&(1<<i) != 0 {
			text += letter
		}
	}
	return text
}

// MarshalJSON implements json.Marshaler: the letters, or "unknown".
func (c Class) MarshalJSON() ([]byte, error) { return json.Marshal(c.String()) }
