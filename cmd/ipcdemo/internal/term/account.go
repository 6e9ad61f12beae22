package term

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Performance is what one process did: how many, in how many seconds and how many a
// second.
type Performance struct {
	Name          string
	PID, Amount   uint32
	Seconds, Rate float64
}

// Account writes down who did how many of something, then what is to be said of
// it and the verdict, and if it is not 0 how many of them all did in a second.
func Account(of string, rows []Performance, said []string, verdict string, well bool, throughput float64) string {
	var out, table strings.Builder
	t := tabwriter.NewWriter(&table, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "process\tpid\t%s\ttime\trate\t\n", of)
	for _, p := range rows {
		took, speed := "-", "-"
		if p.Seconds > 0 {
			took = fmt.Sprintf("%.3f s", p.Seconds)
			speed = fmt.Sprintf("%.0f/s", p.Rate)
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t\n", p.Name, p.PID, p.Amount, took, speed)
	}
	t.Flush()
	out.WriteString(HeadFirst(table.String()))
	fmt.Fprintln(&out)
	for _, line := range said {
		fmt.Fprintln(&out, Wrapped(line))
	}
	fmt.Fprintln(&out, Verdict(verdict, well))
	if throughput > 0 {
		fmt.Fprintf(&out, "throughput: %.0f %s/s\n", throughput, of)
	}
	return out.String()
}

// Verdict is what a run has come to, good or bad, in lines of the terminal's width.
func Verdict(said string, well bool) string {
	colour := Bad
	if well {
		colour = Good
	}
	lines := Wrap(said, Width())
	for i, line := range lines {
		lines[i] = colour(line)
	}
	return strings.Join(lines, "\n")
}

// HeadFirst makes a head of the first line of a table.
func HeadFirst(table string) string {
	head, rest, _ := strings.Cut(table, "\n")
	return Head(head) + "\n" + rest
}
