package term

import (
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"
	"golang.org/x/term"
)

// When is --color: when what is written has colours.
type When string

// ofColours tells which outputs have colours. JSON has none.
var ofColours struct{ out, err bool }

// chooseColours decides that by the arguments, of which any may be wrong: what is said of it
// obeys --color too. NO_COLOR is obeyed where --color does not say otherwise
// (https://no-color.org), and a terminal that knows no colours gets none.
func chooseColours(args []string) {
	when := "auto"
	for i, arg := range args {
		switch value, ok := strings.CutPrefix(arg, "--color="); {
		case ok:
			when = value
		case arg == "--color" && i+1 < len(args):
			when = args[i+1]
		}
	}
	has := func(f *os.File) bool {
		switch when {
		case "always":
			return true
		case "never":
			return false
		}
		return os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb" && term.IsTerminal(int(f.Fd()))
	}
	ofColours.out, ofColours.err = has(os.Stdout), has(os.Stderr)
	text.EnableColors() // it would ask the environment for itself, and not for which output
}

// Good is what has turned out well, at standard output.
func Good(s string) string { return coloured(ofColours.out, s, text.FgGreen) }

// Bad is what has not.
func Bad(s string) string { return coloured(ofColours.out, s, text.FgRed) }

// Notable is what somebody may have to do something about.
func Notable(s string) string { return coloured(ofColours.out, s, text.FgYellow) }

// Head is the head of a table.
func Head(s string) string { return coloured(ofColours.out, s, text.Bold) }

func coloured(has bool, s string, colours ...text.Color) string {
	if !has || s == "" {
		return s
	}
	return text.Colors(colours).Sprint(s)
}
