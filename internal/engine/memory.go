package engine

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"gapless/internal/update"
)

// memoryWait bounds one measurement.
const memoryWait = 3 * time.Second

// Memory measures the resident memory of running containers, in bytes by
// name. One that ends meanwhile is left out. It takes a second or more where
// only the engine can tell.
func (e *Engine) Memory(ctx context.Context, containers []update.Container) (map[string]int64, error) {
	measured := make([]int64, len(containers))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelRequests)
	for i, c := range containers {
		if !c.Running {
			continue
		}
		group.Go(func() (err error) {
			measured[i], err = e.memory(ctx, c)
			if errors.Is(err, update.ErrNoContainer) {
				return nil
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	byName := map[string]int64{}
	for i, c := range containers {
		if measured[i] > 0 {
			byName[c.Name] = measured[i]
		}
	}
	return byName, nil
}

// memory asks the kernel, and the engine where the kernel does not tell: its
// host is another one, or its cgroups cannot be seen from here.
func (e *Engine) memory(ctx context.Context, c update.Container) (int64, error) {
	if isLocal(e.host) {
		if used, found := cgroupMemory(c.PID); found {
			return used, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, memoryWait)
	defer cancel()
	answer, err := e.client.ContainerStats(ctx, c.ID, client.ContainerStatsOptions{})
	if err != nil {
		return 0, missing(c.Name, err)
	}
	defer answer.Body.Close()
	var sample container.StatsResponse
	if err := json.NewDecoder(answer.Body).Decode(&sample); err != nil {
		return 0, err
	}
	return residentBytes(sample.MemoryStats), nil
}

// residentBytes takes the page cache off. The name of that share depends on
// the cgroup version.
func residentBytes(stats container.MemoryStats) int64 {
	cache, found := stats.Stats["total_inactive_file"] // cgroup v1
	if !found {
		cache = stats.Stats["inactive_file"]
	}
	if cache >= stats.Usage {
		return int64(stats.Usage)
	}
	return int64(stats.Usage - cache)
}
