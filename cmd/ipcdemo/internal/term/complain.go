package term

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"example.com/sysvipc/sysv"
)

func exitCode(err error) int {
	var interrupt Interrupted
	switch {
	case err == nil:
		return 0
	case errors.As(err, &interrupt):
		fmt.Fprintf(os.Stderr, "%s %v\n", programName(), err)
		return interrupt.exitCode()
	case errors.Is(err, ErrSaid):
		return 1
	}
	Complain(err)
	return 1
}

// ErrSaid ends the program with 1 after all has been said.
var ErrSaid = errors.New("failed")

// WithHint is an error with something to do about it.
func WithHint(err error, hint string) error { return hinted{err, hint} }

type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// Complain prints one line that says what is wrong, and a hint below it where
// there is one.
func Complain(err error) {
	message, hint := err.Error(), ""
	if e, ok := errors.AsType[*sysv.Error](err); ok && e.Hint != "" {
		hint = e.Hint
		message = strings.Replace(message, " ("+hint+")", "", 1)
	}
	if h, ok := errors.AsType[hinted](err); ok {
		hint = h.hint
	}
	fmt.Fprintf(os.Stderr, "%s %s\n", programName(), message)
	if hint != "" {
		fmt.Fprintf(os.Stderr, "  %s %s\n", coloured(ofColours.err, "hint:", text.FgCyan), hint)
	}
}

// programName begins what is wrong.
func programName() string { return coloured(ofColours.err, "ipcdemo:", text.Bold, text.FgRed) }

// ExplainTaken says whose a key is that was to be created, which takenBy tells.
func ExplainTaken(key sysv.Key, err error, takenBy func(sysv.Key) string) error {
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	return WithHint(fmt.Errorf("key %v is taken: %w", key, err), takenBy(key))
}
