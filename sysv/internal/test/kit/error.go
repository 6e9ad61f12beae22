//go:build linux && !android

package kit

import (
	"errors"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"golang.org/x/sys/unix"
)

// Must ends the test at an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Number checks the error of a method that returns a number.
func Number(t testing.TB) func(int, error) int {
	return func(v int, err error) int {
		t.Helper()
		Must(t, err)
		return v
	}
}

// WantError checks what an error is and what its text says.
func WantError(t testing.TB, err, want error, parts ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
		return
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("error %q, want %q in it", err, part)
		}
	}
}

// WantHint checks for an error of the module with these parts in its hint.
func WantHint(t testing.TB, err, want error, parts ...string) {
	t.Helper()
	WantError(t, err, want)
	e, ok := errors.AsType[*sysv.Error](err)
	if !ok {
		t.Fatalf("%v is a %T, no *sysv.Error", err, err)
	}
	for _, part := range parts {
		if !strings.Contains(e.Hint, part) {
			t.Errorf("hint %q, want %q in it", e.Hint, part)
		}
	}
}

// Outcome names an error in a word, for comparison and for printing: that of these
// which it is, or else its errno.
func Outcome(err error, known ...error) string {
	if err == nil {
		return "ok"
	}
	for _, known := range known {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		return unix.ErrnoName(errno)
	}
	return err.Error()
}
