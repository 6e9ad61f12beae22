package term

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Fit cuts lines to the size of a terminal, or if one is 0 not in that direction.
// The last line then tells how many are missing.
func Fit(lines []string, width, height int) []string {
	if height > 0 && len(lines) > height {
		missing := fmt.Sprintf("… %d more lines", len(lines)-height+1)
		lines = append(slices.Clone(lines[:height-1]), missing)
	}
	cut := make([]string, len(lines))
	for i, line := range lines {
		cut[i] = strings.TrimRight(line, " ")
		if width > 0 {
			cut[i] = strings.TrimRight(text.Trim(cut[i], width), " ")
		}
	}
	return cut
}
