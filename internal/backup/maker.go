package backup

import (
	"context"
	"errors"
	"fmt"
	"time"

	"filippo.io/age"
)

// Maker makes, proves and restores the backups of one database or volume, in one
// run.
type Maker struct {
	// Kind is what is backed up; nil: a Postgres.
	Kind Kind
	// Suffix tells the backups of one run apart; empty for the first.
	Suffix  string
	Helper  func(ctx context.Context) (imageID string, argv []string, err error) // this program in a container
	Keeper  Keeper                                                               // of the containers that use files; nil for a Postgres
	Engine  Engine
	Store   *Store
	Marks   string // directory of the marks of restores of files; empty: that of the store
	Project string
	Service string
	Run     string
	Tool    string // name and version of this program
	Release int    // that runs; 0 if there is none
	// Server finds the server that runs, and how to get into it.
	Server     func(ctx context.Context) (Server, error)
	Recipients []string
	Query      string // whose answer a copy must give too; empty: none
	Policy     Policy
	Needed     func() (map[string]bool, error) // backups that a release needs, by ID
	Now        func() time.Time
	Notice     func(text string) // told what does not stop a backup; nil: nobody is

	seal *seal // once something was dumped
}

// The steps of which a container is named.
const (
	stepSnapshot = "snapshot" // holds the transaction that all reading is done in
	stepDump     = "dump"
	stepRead     = "read"
	stepServer   = "server" // throwaway
	stepCopy     = "copy"   // restores into it
	stepAsk      = "ask"
	stepSwap     = "swap"
)

// prefix begins the names of the containers of this run.
func (m *Maker) prefix() string {
	return fmt.Sprintf("%s-%s-backup-%s-", m.Project, m.Service, m.Run+m.Suffix)
}

// names are those that containers of this run may have.
func (m *Maker) names() []string {
	var names []string
	for _, step := range []string{stepSnapshot, stepDump, stepRead, stepServer, stepCopy, stepAsk, stepSwap} {
		names = append(names, m.prefix()+step)
	}
	return names
}

// client reaches the server that runs.
func (m *Maker) client(ctx context.Context) (client, error) {
	server, err := m.Server(ctx)
	if err != nil {
		return client{}, err
	}
	return client{run: m.Run, prefix: m.prefix(), server: server}, nil
}

// own are the identities that this process has by itself.
func (m *Maker) own(identities []age.Identity) []age.Identity {
	if m.seal != nil {
		return append([]age.Identity{m.seal.identity}, identities...)
	}
	return identities
}

// Discard removes what is left of a backup that was not finished, with its
// containers, and tells whether a finished one of that run is there and stays.
func (m *Maker) Discard(ctx context.Context) (kept bool, err error) {
	err = errors.Join(m.Engine.Fence(ctx, m.Run, m.names()), m.Store.discard(m.ID()))
	_, readErr := Read(m.Store.finished(m.ID()))
	return readErr == nil, err
}

// ID names the backup of this run.
func (m *Maker) ID() string { return NewID(m.Run) + m.Suffix }

// newest is the last proven backup of the same.
func (m *Maker) newest() (Stored, bool) {
	return m.Store.NewestOf(func(manifest Manifest) bool { return m.belongs(manifest) == nil })
}
