package backup

import (
	"errors"
	"strings"
	"testing"
)

// TestScratchSize: a throwaway server leaves room to what serves.
func TestScratchSize(t *testing.T) {
	const mib, gib = int64(1) << 20, int64(1) << 30
	for name, c := range map[string]struct {
		size, memory, disk, want int64
		refused                  bool
	}{
		"in memory":              {size: 100 * mib, memory: 4 * gib, disk: 1, want: 406 * mib},
		"a quarter of memory":    {size: 100 * mib, memory: 4 * 406 * mib, want: 406 * mib},
		"not even a quarter":     {size: 100 * mib, memory: 4*406*mib - 1, disk: 10 * gib},
		"on the disk":            {size: 4 * gib, memory: 4 * gib, disk: 20 * gib},
		"the disk has its rest":  {size: 512 * mib, memory: 2 * gib, disk: 2 * gib},
		"no rest on the disk":    {size: 512*mib + 2, memory: 2 * gib, disk: 2 * gib, refused: true},
		"a tenth of a big disk":  {size: 13 * gib, memory: 2 * gib, disk: 20 * gib, refused: true},
		"no memory to run it in": {size: 100 * mib, memory: 383 * mib, disk: 100 * gib, refused: true},
		"nothing is known":       {size: 100 * gib},
	} {
		got, err := scratchSize(c.size, c.memory, c.disk)
		var room *RoomError
		if got != c.want || errors.As(err, &room) != c.refused {
			t.Errorf("%s: %d, %v", name, got, err)
		}
	}
}

// TestRoomErrorSaysHowMuch: whoever has to free space knows how much.
func TestRoomErrorSaysHowMuch(t *testing.T) {
	_, err := scratchSize(8<<30, 2<<30, 10<<30)
	var room *RoomError
	if !errors.As(err, &room) || room.Needs != 12<<30+scratchBase || room.Disk != 10<<30 || !strings.Contains(err.Error(), "it needs 12") {
		t.Error(err)
	}
}

// TestNoDumpWithoutRoomForItsProof: a dump of hours is not thrown away.
func TestNoDumpWithoutRoomForItsProof(t *testing.T) {
	m, engine := newMaker(t)
	engine.disk = 1 << 30
	var room *RoomError
	if err := m.Dump(t.Context(), quiet); !errors.As(err, &room) {
		t.Error(err)
	}
	for _, ran := range engine.ran {
		if stepOf(ran.Name) == stepDump {
			t.Error("it was dumped")
		}
	}
}
