package term

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jedib0t/go-pretty/v6/text"
)

// TestGrid: where there is no room the columns of the highest rank go first, and no line is
// too long.
func TestGrid(t *testing.T) {
	columns := []Column{{Name: "key", Rank: 3}, {Name: "id"}, {Name: "perms", Rank: 4}, {Name: "by", Rank: 1}}
	rows := [][]string{{"0x000004d2", "7", "600", "12 ipcdemo, 13 ipcdemo, 14 ipcdemo"}, {"0x00000000", "123", "644", ""}}
	for _, tt := range []struct {
		width int
		want  string
	}{
		{0, "key         id   perms  by\n0x000004d2  7    600    12 ipcdemo, 13 ipcdemo, 14 ipcdemo\n0x00000000  123  644"},
		{40, "key         id   perms  by\n0x000004d2  7    600    12 ipcdemo, 13 i\n0x00000000  123  644"},
		{30, "key         id   by\n0x000004d2  7    12 ipcdemo, 1\n0x00000000  123"},
		{20, "id   by\n7    12 ipcdemo, 13\n123"},
		{3, "id\n7\n123"},
	} {
		if diff := cmp.Diff(tt.want, strings.Join(Grid(tt.width, columns, rows), "\n")); diff != "" {
			t.Errorf("%d: (-want +got)\n%s", tt.width, diff)
		}
	}
	for width := 1; width < 70; width++ {
		for _, line := range Grid(width, columns, rows) {
			if text.StringWidth(line) > width {
				t.Errorf("%d: %q", width, line)
			}
		}
	}
	if lines := Grid(10, columns, nil); lines != nil {
		t.Errorf("without rows: %q", lines)
	}
}
