package backup

import (
	"context"
	"fmt"
	"time"

	"gapless/internal/update"
)

// progressEvery is the pace in which a long copy is told.
const progressEvery = time.Second

// tell says how far a copy is, again and again until the context ends. total is
// a guess of its length; 0: nobody knows.
func tell(ctx context.Context, say func(string), what string, total int64, done func() int64) {
	began := time.Now()
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			say(what + " " + progressText(done(), total, now.Sub(began)))
		}
	}
}

// progressText says bytes, rate and the time that remains.
func progressText(done, total int64, took time.Duration) string {
	rate := float64(done) / took.Seconds()
	text := update.BytesText(done)
	if total > 0 {
		text += " of about " + update.BytesText(max(total, done))
	}
	text += fmt.Sprintf(", %s/s", update.BytesText(int64(rate)))
	if total > done && rate > 0 {
		left := time.Duration(float64(total-done) / rate * float64(time.Second))
		text += ", " + update.DurationText(max(left.Round(time.Second), time.Second)) + " left"
	}
	return text
}

// telling runs an act while its progress is told.
func telling(ctx context.Context, say func(string), what string, total int64, done func() int64, act func() error) error {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tell(ctx, say, what, total, done)
	}()
	err := act()
	stop()
	<-ended
	return err
}
