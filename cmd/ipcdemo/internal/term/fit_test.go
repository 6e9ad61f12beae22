package term

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"
)

// TestFit: no line is longer than the terminal, nor are there more, however
// small it is.
func TestFit(t *testing.T) {
	lines := []string{"first line  ", "", "生命生命", "ätzend", strings.Repeat("x", 300)}
	for width := range 12 {
		for height := range 8 {
			got := Fit(lines, width, height)
			if height > 0 && len(got) > height || height == 0 && len(got) != len(lines) {
				t.Errorf("%d×%d: %d lines", width, height, len(got))
			}
			for _, line := range got {
				if width > 0 && text.StringWidth(line) > width {
					t.Errorf("%d×%d: %q", width, height, line)
				}
			}
		}
	}
	want := []string{"first line", "", "… 3 more lines"}
	if diff := cmp.Diff(want, Fit(lines, 80, 3)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if got := Fit(lines, 3, 1); !slices.Equal(got, []string{"… 5"}) {
		t.Errorf("on one line: %q", got)
	}
	if Fit(nil, 1, 1); lines[0] != "first line  " {
		t.Error("the lines have changed")
	}
}
