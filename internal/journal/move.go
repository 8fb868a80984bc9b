package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"gapless/internal/update"
)

// maxMoveBytes bounds the record of a moved checkout.
const maxMoveBytes = 64 << 10

// ErrNoMove says that no checkout is on its way.
var ErrNoMove = errors.New("no checkout was moved")

// SaveMove keeps where a checkout was before it is moved for an update. It is
// on disk when SaveMove returns.
func (l *Lock) SaveMove(move update.Move) error {
	content, err := json.MarshalIndent(move, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the place of the checkout: %w", err)
	}
	if err := writeNew(l.store.disk, ".", moveName, append(content, '\n')); err != nil {
		return fmt.Errorf("keep the place of the checkout: %w", full(err))
	}
	return nil
}

// DropMove forgets it: the checkout stays where it is.
func (l *Lock) DropMove() error {
	if err := ignoreMissing(l.store.disk.remove(moveName)); err != nil {
		return fmt.Errorf("forget the place of the checkout: %w", err)
	}
	return l.store.disk.syncDirectory(".")
}

// Move returns the checkout that was moved for an update which has not ended
// as far as is written down, or ErrNoMove.
func (s *Store) Move() (update.Move, error) {
	content, err := s.disk.read(moveName, maxMoveBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return update.Move{}, ErrNoMove
	}
	if err != nil {
		return update.Move{}, fmt.Errorf("read the place of the checkout: %w", err)
	}
	var move update.Move
	if err := json.Unmarshal(content, &move); err != nil {
		return move, fmt.Errorf("%s/%s: %w; git reflog in the checkout says where it was, then remove the file", s.path, moveName, err)
	}
	return move, nil
}
