package update

import (
	"fmt"
	"time"
)

// DurationText writes a duration the way people read it: "60 s", "840 ms".
func DurationText(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 10*time.Second && d%time.Second != 0:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 3*time.Minute:
		return fmt.Sprintf("%d s", int64(d.Round(time.Second).Seconds()))
	default:
		return fmt.Sprintf("%d min", int64(d.Round(time.Minute).Minutes()))
	}
}

// BytesText writes a size the way people read it.
func BytesText(n int64) string {
	if n >= 1<<30 {
		return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// counted writes a number of things.
func counted(number int, noun string) string {
	if number == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", number, noun)
}
