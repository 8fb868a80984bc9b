package backup

import "fmt"

// counts says how many there are of something.
func counts[N int | int64](count N, what string) string {
	if count != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", count, what)
}
