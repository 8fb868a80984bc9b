package update

// Told is what people were told about the newest run. A run that is in it and has
// ended with another result is to be told yet.
type Told struct {
	Run    string `json:"run"`
	Result Result `json:"result,omitempty"` // told last; empty: nothing yet
	// Channels are those that took a message, by name.
	Channels map[string]ToldChannel `json:"channels,omitempty"`
}

// ToldChannel is what one channel was told last.
type ToldChannel struct {
	Result Result `json:"result"`
	Sent   string `json:"sent,omitempty"` // by what a later message can take its place
}

// Tally are totals over all runs up to one of them, which outlive the journals of
// those runs.
type Tally struct {
	Through   string           `json:"through,omitempty"` // the newest run that is counted
	Updates   map[string]Count `json:"updates,omitempty"` // by strategy and result
	Steps     map[string]Count `json:"steps,omitempty"`   // by verb
	Rollbacks map[string]int64 `json:"rollbacks,omitempty"`
}

// Count is how often something happened, and for how long in all.
type Count struct {
	Times   int64   `json:"times"`
	Seconds float64 `json:"seconds"`
}
