package term

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPressed(t *testing.T) {
	for said, want := range map[string][]Pressed{
		"":                     nil,
		"q":                    {"q"},
		"xq":                   {"x", "q"},
		"\x1b[A\x1b[A\x1bOBs":  {Up, Up, Down, "s"},
		"\x1b[6~\x1b[5~\x1b[H": {PageDown, PageUp, Home},
		"a\x03":                {"a", CtrlC},
		"\x1b":                 nil,
		"q\x1b[24~":            {"q"},
	} {
		if diff := cmp.Diff(want, pressed(said)); diff != "" {
			t.Errorf("%q: (-want +got)\n%s", said, diff)
		}
	}
}
