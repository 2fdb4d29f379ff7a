// Package suggest finds what a misspelt word was meant to be.
package suggest

import "strings"

// Nearest returns the candidate that the word was most likely meant to be, or
// "" if none is near: as many slips as a third of the word's letters, but one
// at least and two at most, and not all of its letters.
func Nearest(word string, candidates []string) string {
	const longest = 64 // longer words are no slips of the pen
	if len(word) > longest {
		return ""
	}
	best, nearest := "", min(len(word), min(2, max(1, len(word)/3))+1)
	for _, c := range candidates {
		if len(c) > longest || c == word {
			continue
		}
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < nearest {
			best, nearest = c, d
		}
	}
	return best
}

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b (optimal string alignment distance).
func distance(a, b string) int {
	before := make([]int, len(b)+1)
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		next := make([]int, len(b)+1)
		next[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next[j] = min(row[j]+1, next[j-1]+1, row[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				next[j] = min(next[j], before[j-2]+1)
			}
		}
		before, row = row, next
	}
	return row[len(b)]
}
