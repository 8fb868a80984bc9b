package cli

import (
	"context"
	"fmt"
	"slices"

	"gapless/internal/edge/wire"
	"gapless/internal/engine"
	"gapless/internal/update"
)

// figures measures what a watch compares. It implements update.Figures.
type figures struct {
	session *session
	meter   *meter
}

// Traffic implements update.Figures. The meter's own requests are listed apart,
// because they are not those of users.
func (f figures) Traffic(ctx context.Context) ([]update.Traffic, error) {
	if f.session.project.Settings.Front.Enabled() {
		return nil, nil
	}
	stats, err := f.session.edge.Stats(ctx, f.session.project.Name)
	if err != nil {
		return nil, fmt.Errorf("read the counters of the edge: %w", err)
	}
	return slices.Concat(trafficOf(stats), f.meter.own()), nil
}

// trafficOf translates what the edge counted for targets.
func trafficOf(stats wire.Stats) []update.Traffic {
	var all []update.Traffic
	for _, g := range stats.Generations {
		if g.Generation == "" {
			continue // ended before there was a target: nobody's doing
		}
		traffic := update.Traffic{Service: g.Service, Generation: g.Generation, Requests: g.Requests, Failed: g.ServerErrors + g.FailureTotal(), Held: g.Held}
		for index, count := range g.Latency.Counts {
			if count > 0 {
				traffic.Latency = append(traffic.Latency, update.LatencyCount{Micros: int64(wire.BucketMiddle(index)), Count: count})
			}
		}
		all = append(all, traffic)
	}
	return all
}

// own is what the meter itself asked so far, by service.
func (m *meter) own() []update.Traffic {
	if m.monitor == nil {
		return nil
	}
	var all []update.Traffic
	for service, count := range m.monitor.Asked() {
		all = append(all, update.Traffic{Service: service, Generation: update.OwnGeneration, Requests: count.Answered, Failed: count.Failed})
	}
	return all
}

// Memory implements update.Figures. A container may take what its own limit, those
// around it and the host leave.
func (f figures) Memory(ctx context.Context, containers []update.Container) (map[string]update.MemoryFigure, error) {
	used, err := f.session.engine.Memory(ctx, containers)
	if err != nil {
		return nil, err
	}
	groups, host := f.session.engine.MemoryGroups(containers), engine.MemoryAvailable()
	found := map[string]update.MemoryFigure{}
	for _, c := range containers {
		bytes, measured := used[c.Name]
		if !measured {
			continue
		}
		figure := update.MemoryFigure{Used: bytes, Room: host}
		service, _ := f.session.project.Service(c.Service)
		if service.MemoryLimitBytes > 0 {
			figure.Room = narrower(figure.Room, service.MemoryLimitBytes-bytes)
		}
		for _, group := range groups {
			if slices.Contains(group.Services, c.Service) {
				figure.Room = narrower(figure.Room, group.LimitBytes-group.UsedBytes)
			}
		}
		found[c.Name] = figure
	}
	return found, nil
}

// narrower is the smaller of two amounts of room, of which the first may not be
// known. Where nothing is left there is still one byte: 0 is not known.
func narrower(known, room int64) int64 {
	room = max(room, 1)
	if known == 0 {
		return room
	}
	return min(known, room)
}
