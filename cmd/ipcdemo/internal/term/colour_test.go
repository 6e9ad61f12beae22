package term

import (
	"os"
	"testing"
)

// TestChooseColours: no terminal has no colours unless it is told to, and --color is
// stronger than NO_COLOR. The scripts have the terminals.
func TestChooseColours(t *testing.T) {
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	defer func(out *os.File) { os.Stdout = out }(os.Stdout)
	os.Stdout = null
	defer func() { ofColours.out, ofColours.err = false, false }()
	t.Setenv("NO_COLOR", "1")
	for _, tt := range []struct {
		args []string
		want string
	}{
		{nil, "x"},
		{[]string{"--color", "always"}, "\x1b[32mx\x1b[0m"},
		{[]string{"ls", "--color=always"}, "\x1b[32mx\x1b[0m"},
		{[]string{"--color=always", "--color=never"}, "x"},
		{[]string{"--color=blue"}, "x"},
		{[]string{"--color"}, "x"},
	} {
		chooseColours(tt.args)
		if got := Good("x"); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.args, got, tt.want)
		}
	}
}
