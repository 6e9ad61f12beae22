package term

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Table is columns of text, with their names above them where there are rows.
type Table struct{ *tabwriter.Writer }

// NewTable begins a table of so many rows.
func NewTable(w io.Writer, rows int, columns ...string) Table {
	t := Table{tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
	if rows > 0 {
		t.Row(columns...)
	}
	return t
}

// Row writes cells that have no influence on the terminal: a program may call
// itself anything.
func (t Table) Row(cells ...string) {
	for i, cell := range cells {
		cells[i] = plain(cell)
	}
	fmt.Fprintln(t, strings.Join(cells, "\t"))
}

// plain replaces what could move the cursor.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// TrimLines cuts the blanks at the end of each line.
func TrimLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}
