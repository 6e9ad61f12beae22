package term

import (
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Column is one of a grid. Where there is no room for all, that of the highest rank goes
// first. The last one has what is left of the line.
type Column struct {
	Name string
	Rank int
}

// Grid writes rows below the names of their columns, in lines of a width, or of any if that
// is 0. Nothing in a cell has an influence on the terminal.
func Grid(width int, columns []Column, rows [][]string) []string {
	if len(rows) == 0 {
		return nil
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.Name
	}
	all := [][]string{names}
	widths := make([]int, len(columns))
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = plain(cell)
		}
		all = append(all, cells)
	}
	for _, row := range all {
		for i, cell := range row {
			widths[i] = max(widths[i], text.StringWidth(cell))
		}
	}
	shown := fitting(width, columns, widths)
	var lines []string
	for _, row := range all {
		var line strings.Builder
		for i, cell := range row {
			if shown[i] {
				line.WriteString(text.Pad(cell, widths[i]+gap, ' '))
			}
		}
		lines = append(lines, strings.TrimRight(line.String(), " "))
	}
	return Fit(lines, width, 0)
}

// gap is how many blanks stand between columns.
const gap = 2

// fitting tells which columns there is room for. The last that is left, if it is wide, as a
// list of programs, needs room for its beginning only.
func fitting(width int, columns []Column, widths []int) []bool {
	beginning := max(width*2/5, 12)
	shown := make([]bool, len(columns))
	for i := range shown {
		shown[i] = true
	}
	for width > 0 {
		total, last, worst, left := 0, 0, -1, 0
		for i, c := range columns {
			if !shown[i] {
				continue
			}
			left++
			total += widths[i] + gap
			last = widths[i]
			if worst < 0 || c.Rank > columns[worst].Rank {
				worst = i
			}
		}
		if total-gap-last+min(last, beginning) <= width || left == 1 {
			break
		}
		shown[worst] = false
	}
	return shown
}
