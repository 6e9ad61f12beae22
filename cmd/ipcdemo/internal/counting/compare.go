package counting

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
)

// comparison is what runs found that differ in their lock.
type comparison []*report

func (c comparison) AddsUp() bool {
	return !slices.ContainsFunc(c, func(r *report) bool { return !r.Verified })
}

// text has the rates next to each other.
func (c comparison) Text() string {
	var out strings.Builder
	for _, r := range c {
		fmt.Fprintln(&out, term.Wrapped(r.headline()))
	}
	fmt.Fprintln(&out)
	var table strings.Builder
	c.table(&table)
	out.WriteString(term.HeadFirst(table.String()))
	fmt.Fprintln(&out)
	for _, r := range c {
		for _, line := range r.Notes {
			fmt.Fprintln(&out, term.Wrapped(r.Lock+": "+line))
		}
		fmt.Fprintln(&out, term.Verdict(r.Lock+": "+r.Verdict, r.Verified))
	}
	return out.String()
}

// table has a row for each process, and one for all together. Where a process
// told no rate there is what became of it.
func (c comparison) table(w io.Writer) {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', tabwriter.AlignRight)
	defer t.Flush()
	line := func(name string, cell func(*report) string) {
		fmt.Fprint(t, name, "\t")
		for _, r := range c {
			fmt.Fprint(t, cell(r), "\t")
		}
		fmt.Fprintln(t)
	}
	line("process", func(r *report) string { return r.Lock })
	var names []string
	for _, r := range c {
		for _, p := range r.Rows {
			if !slices.Contains(names, p.Name) {
				names = append(names, p.Name)
			}
		}
	}
	for _, name := range names {
		line(name, func(r *report) string {
			i := slices.IndexFunc(r.Rows, func(p row) bool { return p.Name == name })
			switch {
			case i < 0:
				return "-" // a joiner of another run
			case r.Rows[i].Rate == 0:
				return r.Rows[i].State
			}
			return fmt.Sprintf("%.0f/s", r.Rows[i].Rate)
		})
	}
	line("throughput", func(r *report) string { return fmt.Sprintf("%.0f/s", r.Throughput) })
}
