package engine

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/moby/moby/client"
)

// settleExtra is what a stop may take beyond its grace: the kill and the
// daemon's own work.
const settleExtra = 30 * time.Second

// SettleStop implements update.Containers: it makes sure that no stop request is
// pending. Such a request goes on in the daemon after the death of its client: it would kill the
// container seconds after it was started again, and the daemon would not
// restart it. A stop of our own ends both, because the daemon's wait ends when
// the container does. The container gets its own stop signal and the whole
// grace, because it may be in the middle of a job.
func (w *Workbench) SettleStop(ctx context.Context, name string, grace time.Duration) error {
	seconds := int(math.Ceil(max(grace, 0).Seconds()))
	ctx, cancel := context.WithTimeout(ctx, time.Duration(seconds)*time.Second+settleExtra)
	defer cancel()
	_, err := w.engine.client.ContainerStop(ctx, name, client.ContainerStopOptions{Timeout: &seconds})
	if err != nil {
		return missing(name, err)
	}
	for {
		found, err := w.engine.inspect(ctx, name)
		if err != nil {
			return err
		}
		if !found.State.Running && !found.State.Restarting {
			return nil
		}
		if err := pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("%s does not stop: %w", name, err)
		}
	}
}
