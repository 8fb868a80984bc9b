package update

// MountedFile is a file or directory of the host that the containers of a
// service read. No image and no config hash tells when it changes.
type MountedFile struct {
	// Source is the path on the host, or "config NAME" or "secret NAME" where the
	// compose file or the environment holds the content.
	Source string `json:"source"`
	Target string `json:"target"`         // in the container
	Hash   string `json:"hash,omitempty"` // of the content; empty if it was not compared
	Note   string `json:"note,omitempty"` // why it was not compared
	// Writable says that the service may write it.
	Writable bool `json:"writable,omitempty"`
	// Injected says that it is copied when a container is created: neither a
	// reload nor a restart brings another content.
	Injected bool `json:"injected,omitempty"`
	// Stale says that a running container sees another file than the host has,
	// because the file was replaced and not written: a reload reads the old one.
	// A restart mounts the new one.
	Stale bool `json:"stale,omitempty"`
}
