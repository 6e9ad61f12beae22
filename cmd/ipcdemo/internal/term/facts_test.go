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

// TestFacts: values stand beside their names, or below them where there is no room.
func TestFacts(t *testing.T) {
	facts := []Fact{{"key", "0x000004d2"}, {"who has it attached", "12 ipcdemo, 13 ipcdemo"}}
	for _, tt := range []struct {
		width int
		want  string
	}{
		{0, "key                  0x000004d2\nwho has it attached  12 ipcdemo, 13 ipcdemo\n"},
		{40, "key                  0x000004d2\nwho has it attached  12 ipcdemo, 13\n                     ipcdemo\n"},
		{20, "key\n  0x000004d2\nwho has it attached\n  12 ipcdemo, 13\n  ipcdemo\n"},
	} {
		if diff := cmp.Diff(tt.want, beside(facts, len("who has it attached"), tt.width)); diff != "" {
			t.Errorf("%d: (-want +got)\n%s", tt.width, diff)
		}
	}
}
