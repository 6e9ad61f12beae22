package term

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWrap: lines are broken between words alone, and nothing is lost.
func TestWrap(t *testing.T) {
	const text = "1 of 2 held, 3 waiting, averyveryverylongword 生命 x"
	for _, tt := range []struct {
		width int
		want  []string
	}{
		{0, []string{text}},
		{100, []string{text}},
		{12, []string{"1 of 2 held,", "3 waiting,", "averyveryverylongword", "生命 x"}},
	} {
		if diff := cmp.Diff(tt.want, Wrap(text, tt.width)); diff != "" {
			t.Errorf("%d: (-want +got)\n%s", tt.width, diff)
		}
	}
	for width := range 60 {
		if got := strings.Join(Wrap(text, width), " "); got != text {
			t.Errorf("%d: %q", width, got)
		}
	}
}
