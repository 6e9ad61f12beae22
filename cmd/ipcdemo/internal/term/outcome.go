package term

import (
	"encoding/json"
	"io"
	"os"
)

// Outcome is what came of a command. As JSON all of it is printed.
type Outcome interface {
	Text() string // for people
	AddsUp() bool
}

// Show prints an outcome, and makes a failure of one that does not add up.
func Show(o Outcome, asJSON bool) error {
	if err := PrintOutcome(os.Stdout, o, asJSON); err != nil {
		return err
	}
	if !o.AddsUp() {
		return ErrSaid
	}
	return nil
}

// PrintOutcome prints an outcome for people, or for programs.
func PrintOutcome(w io.Writer, o Outcome, asJSON bool) error {
	if asJSON {
		return PrintJSON(w, o)
	}
	_, err := io.WriteString(w, o.Text())
	return err
}

// PrintJSON prints anything for programs.
func PrintJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
