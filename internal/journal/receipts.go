package journal

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"gapless/internal/update"
)

// maxReceiptBytes bounds one receipt.
const maxReceiptBytes = 1 << 20

// ErrNoReceipt says that a run left no receipt.
var ErrNoReceipt = errors.New("no receipt of that run")

// SaveReceipt keeps what a run cost, beside its journal and for as long.
func (l *Lock) SaveReceipt(run string, receipt update.Receipt) error {
	if !runName.MatchString(run) {
		return fmt.Errorf("%q cannot name a run", run)
	}
	content, err := json.MarshalIndent(receipt, "", "  ")
	if err != nil {
		return fmt.Errorf("encode receipt: %w", err)
	}
	disk := l.store.disk
	if err := writeNew(disk, receiptsName, run+".json", append(content, '\n')); err != nil {
		return fmt.Errorf("keep receipt: %w", full(err))
	}
	names, err := disk.list(receiptsName)
	if err != nil {
		return fmt.Errorf("list receipts: %w", err)
	}
	slices.Sort(names)
	for ; len(names) > keptRuns; names = names[1:] {
		if err := ignoreMissing(disk.remove(receiptsName + "/" + names[0])); err != nil {
			return fmt.Errorf("remove receipt: %w", err)
		}
	}
	return nil
}

// Receipt returns what a run cost, or ErrNoReceipt.
func (s *Store) Receipt(run string) (update.Receipt, error) {
	if !runName.MatchString(run) {
		return update.Receipt{}, fmt.Errorf("%q cannot name a run", run)
	}
	content, err := s.disk.read(receiptsName+"/"+run+".json", maxReceiptBytes)
	if errors.Is(err, fs.ErrNotExist) {
		return update.Receipt{}, ErrNoReceipt
	}
	if err != nil {
		return update.Receipt{}, fmt.Errorf("read receipt: %w", err)
	}
	var receipt update.Receipt
	if err := json.Unmarshal(content, &receipt); err != nil {
		return receipt, fmt.Errorf("receipt of run %s: %w", run, err)
	}
	return receipt, nil
}
