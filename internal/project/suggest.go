package project

import "strings"

// suggestKey returns a hint with the nearest known word, or all of them when
// none is near.
func suggestKey(word string, known []string) string {
	if nearest := nearest(word, known); nearest != "" {
		return "did you mean " + nearest + "?"
	}
	return "known: " + strings.Join(known, ", ")
}

// nearest returns the known word with the fewest edits, "" when even that one
// has little in common with the given word.
func nearest(word string, known []string) string {
	best, fewest := "", len(word)/3+2
	for _, candidate := range known {
		if edits := distance(strings.ToLower(word), strings.ToLower(candidate)); edits < fewest {
			best, fewest = candidate, edits
		}
	}
	return best
}

// distance counts the edits between two words, a swap of neighbours being one.
func distance(left, right string) int {
	const longest = 64
	if len(left) > longest || len(right) > longest {
		return longest
	}
	rows := make([][]int, len(left)+1)
	for i := range rows {
		rows[i] = make([]int, len(right)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(left); i++ {
		for j := 1; j <= len(right); j++ {
			cost := 1
			if left[i-1] == right[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && left[i-1] == right[j-2] && left[i-2] == right[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(left)][len(right)]
}
