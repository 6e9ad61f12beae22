// Package counting is a run whose processes count together: the board that they share,
// counting, and the verdict on it.
package counting
