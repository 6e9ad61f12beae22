package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
)

// outcome is what came of a command. As JSON all of it is printed.
type outcome interface {
	text() string // for people
	addsUp() bool
}

// show prints an outcome, and makes a failure of one that does not add up.
func show(o outcome, asJSON bool) error {
	if err := printOutcome(os.Stdout, o, asJSON); err != nil {
		return err
	}
	if !o.addsUp() {
		return errSaid
	}
	return nil
}

func printOutcome(w io.Writer, o outcome, asJSON bool) error {
	if asJSON {
		return printJSON(w, o)
	}
	_, err := io.WriteString(w, o.text())
	return err
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// performance is what one process did: its name, process id and how many, in how
// many seconds and how many a second.
type performance struct {
	name          string
	pid, amount   uint32
	seconds, rate float64
}

// account writes down who did how many of something, then what is to be said of
// it, and if it is not 0 how many of them all did in a second.
func account(of string, rows []performance, said []string, throughput float64) string {
	var out strings.Builder
	t := tabwriter.NewWriter(&out, 0, 0, 3, ' ', tabwriter.AlignRight)
	fmt.Fprintf(t, "process\tpid\t%s\ttime\trate\t\n", of)
	for _, p := range rows {
		took, speed := "-", "-"
		if p.seconds > 0 {
			took = fmt.Sprintf("%.3f s", p.seconds)
			speed = fmt.Sprintf("%.0f/s", p.rate)
		}
		fmt.Fprintf(t, "%s\t%d\t%d\t%s\t%s\t\n", p.name, p.pid, p.amount, took, speed)
	}
	t.Flush()
	fmt.Fprintln(&out)
	for _, line := range said {
		fmt.Fprintln(&out, line)
	}
	if throughput > 0 {
		fmt.Fprintf(&out, "throughput: %.0f %s/s\n", throughput, of)
	}
	return out.String()
}
