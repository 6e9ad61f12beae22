//go:build linux && !android

package counting

import (
	"testing"

	"example.com/sysvipc/sysv"
)

// newBoard makes a board of two children and joiners' slots.
func newBoard(t *testing.T) *board {
	t.Helper()
	b, err := createBoard(sysv.RandomKey(), 2, lockSemop)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.remove(); err != nil {
			t.Error(err)
		}
	})
	return b
}
