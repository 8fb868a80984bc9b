package update

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"
)

// awayPause is the time between two attempts to reach a database that is away.
const awayPause = 2 * time.Second

// look sees who waits for the migration, and cancels it where users wait too
// long. It is called often, also while an undo waits for the migration's end.
func (g *guarded) look(ctx context.Context) {
	now := g.env.Clock.Now()
	if now.Sub(g.looked) < watchEvery {
		return
	}
	g.looked = now
	waits, err := g.waits(ctx)
	if err != nil { // it goes on by its lock timeout alone meanwhile
		g.close()
		g.looked = now.Add(awayPause)
		return
	}
	if len(waits.Before) > 0 {
		// Who has been there for the longest time is most likely the one to end.
		oldest := slices.MaxFunc(waits.Before, func(a, b DatabaseClient) int { return cmp.Compare(a.Open, b.Open) })
		g.before = oldest.String()
	}
	if who, since := g.longestBehind(waits.Behind, now); now.Sub(since) > g.patienceOfUsers() {
		g.giveWay(ctx, who)
	}
}

func (g *guarded) waits(ctx context.Context) (Waits, error) {
	if g.session == nil {
		if err := g.reopen(ctx); err != nil {
			return Waits{}, err
		}
	}
	return g.session.Waits(ctx, g.application)
}

// patienceOfUsers is how long users may wait. Who waits behind a migration that
// itself waits is freed by its lock timeout.
func (g *guarded) patienceOfUsers() time.Duration {
	return blockedLimit + min(g.timeout, longestLockTimeout)
}

// longestBehind is who waits for the longest time, as seen until now.
func (g *guarded) longestBehind(behind []DatabaseClient, now time.Time) (who DatabaseClient, since time.Time) {
	seen := map[int]time.Time{}
	since = now
	for _, client := range behind {
		seen[client.PID] = now
		if first, known := g.behind[client.PID]; known {
			seen[client.PID] = first
		}
		if seen[client.PID].Before(since) {
			who, since = client, seen[client.PID]
		}
	}
	g.behind = seen
	return who, since
}

// giveWay cancels a migration that others wait for, if it leaves nothing then
// and the plan has not said that they will wait.
func (g *guarded) giveWay(ctx context.Context, who DatabaseClient) {
	if g.Repeatable && !g.Announced {
		if err := g.session.Cancel(ctx, g.application); err == nil {
			g.cancelled = true
		}
		return
	}
	if !g.told {
		g.told = true
		g.step.notice(g.env, fmt.Sprintf("%s waits for the migration of %s, which is not cut off", who, g.step.Service))
	}
}
