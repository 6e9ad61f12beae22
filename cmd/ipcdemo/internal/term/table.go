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
	line := strings.Join(cells, "\t")
	fmt.Fprintln(t, strings.Map(func(r rune) rune {
		if r != '\t' && !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, line))
}
