package edge

// choice is a target as one snapshot offers it.
type choice struct {
	target   *target
	counters *counters
	weight   int
}

// maxTurns bounds a schedule's length; finer weights are scaled down to it.
const maxTurns = 1000

// schedule spreads the choices over a cycle of turns in proportion to their weights,
// each one's turns as far apart as possible, so that 5 of 100 come every 20th request
// and not five in a row.
func schedule(choices []choice) []uint16 {
	total, divisor := 0, 0
	for _, c := range choices {
		total += c.weight
		divisor = gcd(c.weight, divisor)
	}
	if len(choices) < 2 {
		return nil
	}
	scale := max(divisor, (total+maxTurns-1)/maxTurns)
	weights := make([]int, len(choices))
	total = 0
	for i, c := range choices {
		weights[i] = max(1, c.weight/scale)
		total += weights[i]
	}
	turns := make([]uint16, 0, total)
	credit := make([]int, len(choices))
	for range total {
		best := 0
		for i := range credit {
			credit[i] += weights[i]
			if credit[i] > credit[best] {
				best = i
			}
		}
		credit[best] -= total
		turns = append(turns, uint16(best))
	}
	return turns
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
