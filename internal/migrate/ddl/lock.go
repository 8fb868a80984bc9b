package ddl

import "encoding/json"

// Lock is a lock on a table. The order is that of strength.
type Lock uint8

// The locks of Postgres (Table 13.2 of its manual), and those that MySQL's LOCK
// clause names.
const (
	NoLock Lock = iota
	AccessShare
	RowShare
	RowExclusive
	ShareUpdateExclusive
	Share
	ShareRowExclusive
	Exclusive
	AccessExclusive
	UnknownLock
)

var lockNames = [...]string{"none", "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE",
	"SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE", "unknown"}

func (l Lock) String() string { return lockNames[l] }

// MarshalJSON implements json.Marshaler. What is not known is null.
func (l Lock) MarshalJSON() ([]byte, error) {
	if l == UnknownLock {
		return []byte("null"), nil
	}
	return json.Marshal(l.String())
}

// stops tells whether somebody has to wait: writers from SHARE on, readers too
// under ACCESS EXCLUSIVE.
func (l Lock) stops() bool { return l >= Share && l != UnknownLock }

// TableLock is a lock on one table.
type TableLock struct {
	Table string `json:"table"` // in words, where the statement does not name it
	Lock  Lock   `json:"lock"`
}

// Answer is yes, no, or not to be known from the statement.
type Answer uint8

// The answers. The zero value is no.
const (
	No Answer = iota
	Yes
	Unknown
)

// MarshalJSON implements json.Marshaler: true, false or null.
func (a Answer) MarshalJSON() ([]byte, error) {
	return []byte([...]string{"false", "true", "null"}[a]), nil
}

// or is the answer for two things that both happen.
func (a Answer) or(b Answer) Answer {
	if a == Yes || b == Yes {
		return Yes
	}
	return max(a, b)
}

// and is the answer for two things that must both hold.
func (a Answer) and(b Answer) Answer {
	if a == No || b == No {
		return No
	}
	return max(a, b)
}
