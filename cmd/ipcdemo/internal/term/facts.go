package term

import (
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
)

// Fact is something that is known, and what it is called.
type Fact struct{ Name, Value string }

// Facts writes a line for each fact, the values below one another, and breaks lines between
// words where a terminal is narrower. Where it has no room for both, a value is below its
// name.
func Facts(w io.Writer, facts []Fact) error {
	width := 0
	for _, f := range facts {
		width = max(width, text.StringWidth(f.Name))
	}
	_, err := io.WriteString(w, beside(facts, width, Width()))
	return err
}

// leastValue is how wide a value is at least beside its name.
const leastValue = 16

func beside(facts []Fact, names, width int) string {
	below := width > 0 && width < names+2+leastValue
	var out strings.Builder
	for _, f := range facts {
		if below {
			for _, line := range Wrap(f.Name, width) {
				fmt.Fprintln(&out, line)
			}
			for _, line := range Wrap(plain(f.Value), width-2) {
				fmt.Fprintf(&out, "  %s\n", line)
			}
			continue
		}
		indent := strings.Repeat(" ", names+2)
		for i, line := range Wrap(plain(f.Value), width-names-2) {
			if i == 0 {
				fmt.Fprintf(&out, "%s%s\n", text.Pad(f.Name, names+2, ' '), line)
			} else {
				fmt.Fprintf(&out, "%s%s\n", indent, line)
			}
		}
	}
	return out.String()
}

// Wrapped is a text in lines of the terminal's width.
func Wrapped(s string) string { return strings.Join(Wrap(s, Width()), "\n") }

// Wrap breaks a line between words into lines of a width, where they are not longer
// themselves. A width below 1 breaks nothing.
func Wrap(s string, width int) []string {
	if width < 1 {
		return []string{s}
	}
	var lines []string
	line, length := "", 0
	for i, word := range strings.Split(s, " ") {
		n := text.StringWidth(word)
		if i > 0 && length+1+n > width {
			lines = append(lines, line)
			line, length = word, n
			continue
		}
		if i > 0 {
			line, length = line+" ", length+1
		}
		line, length = line+word, length+n
	}
	return append(lines, line)
}
