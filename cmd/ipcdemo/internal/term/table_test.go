package term

import (
	"strings"
	"testing"
)

// TestTableIsPlain: whatever a program calls itself, nothing of it reaches the
// terminal that could move the cursor.
func TestTableIsPlain(t *testing.T) {
	var out strings.Builder
	table := NewTable(&out, 1, "by")
	table.Row("1 a\x1b[2Jb\nc\x7f\u202e\u009b\xff生")
	table.Flush()
	if want := "by\n1 a?[2Jb?c????生\n"; strings.ReplaceAll(out.String(), "�", "?") != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}
