package update

// Revision is what a checkout of the source was at.
type Revision struct {
	Directory string `json:"directory"` // top of the checkout
	Commit    string `json:"commit"`
	Branch    string `json:"branch,omitempty"` // empty when it was at a commit of its own
	Dirty     bool   `json:"dirty,omitempty"`  // files were edited and not committed
}

// Short is the revision in a few letters; + marks edited files.
func (r Revision) Short() string {
	text := r.Commit[:min(10, len(r.Commit))]
	if r.Dirty {
		text += "+"
	}
	return text
}

// String is the revision with its branch.
func (r Revision) String() string {
	text := r.Short()
	if r.Branch != "" {
		text += " (" + r.Branch + ")"
	}
	if r.Dirty {
		text += ", with edits that are not committed"
	}
	return text
}

// Move is a checkout on its way to another revision. It is kept until the
// update that it was made for has ended, so that it can be taken back.
type Move struct {
	Before Revision `json:"before"`
	To     string   `json:"to"` // commit
}
