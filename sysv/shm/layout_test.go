package shm_test

import (
	"strings"
	"testing"

	"example.com/sysvipc/sysv/shm"
)

// A quote has its fields at the same places on every architecture.
type quote struct {
	Symbol [8]byte
	Venue  uint16
	_      [6]byte
	Bid    float64
	Level  [2]struct{ Price, Size uint32 }
}

var quoteInC = []shm.Field{
	{Name: "Symbol", Offset: 0, Size: 8},
	{Name: "Venue", Offset: 8, Size: 2},
	{Name: "Bid", Offset: 16, Size: 8},
	{Name: "Level", Offset: 24, Size: 16},
}

func TestCheckLayout(t *testing.T) {
	if err := shm.CheckLayout[quote](40, quoteInC...); err != nil {
		t.Error(err)
	}
}

func TestCheckLayoutNamesTheField(t *testing.T) {
	with := func(change func(fields []shm.Field) []shm.Field) []shm.Field {
		return change(append([]shm.Field{}, quoteInC...))
	}
	const hint = "is packed, copy it with ReadAt"
	for _, tt := range []struct {
		name   string
		err    error
		want   string
		packed bool
	}{
		{"moved", shm.CheckLayout[quote](40, with(func(f []shm.Field) []shm.Field {
			f[2].Offset = 12
			return f
		})...), "shm: CheckLayout[shm_test.quote]: field Bid is at 16, in C at 12", false},
		{"packed", shm.CheckLayout[quote](34, with(func(f []shm.Field) []shm.Field {
			f[2].Offset, f[3].Offset = 10, 18
			return f
		})...), "field Bid is at 16, in C at 10", true},
		{"packed at its end", shm.CheckLayout[struct {
			A uint32
			B uint16
		}](6, shm.Field{Name: "A", Offset: 0, Size: 4}, shm.Field{Name: "B", Offset: 4, Size: 2}),
			"the struct has 8 bytes, in C 6", true},
		{"shorter", shm.CheckLayout[quote](40, with(func(f []shm.Field) []shm.Field {
			f[1].Size = 4
			return f
		})...), "field Venue has 2 bytes, in C 4", false},
		{"not in C", shm.CheckLayout[quote](40, with(func(f []shm.Field) []shm.Field {
			return f[:3]
		})...), "field Level is not in C's struct", false},
		{"not in Go", shm.CheckLayout[quote](48, with(func(f []shm.Field) []shm.Field {
			return append(f, shm.Field{Name: "Ask", Offset: 40, Size: 8})
		})...), "field Ask of C's struct is not in Go's", false},
		{"longer", shm.CheckLayout[quote](48, quoteInC...), "the struct has 40 bytes, in C 48", false},
		{"twice", shm.CheckLayout[quote](40, with(func(f []shm.Field) []shm.Field {
			return append(f, f[0])
		})...), "field Symbol is given twice", false},
		{"padding", shm.CheckLayout[quote](40, with(func(f []shm.Field) []shm.Field {
			return append(f, shm.Field{Name: "_", Offset: 10, Size: 6})
		})...), "field _ is padding", false},

		{"no struct", shm.CheckLayout[[2]int32](8), "array is no struct", false},
		{"refused by View", shm.CheckLayout[struct{ Live bool }](1, shm.Field{Name: "Live", Offset: 0, Size: 1}),
			"bool in field Live can't be shared between processes (C's bool is a uint8)", false},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) || strings.Contains(tt.err.Error(), hint) != tt.packed {
			t.Errorf("%s: error is %v, want %q in it, and a hint: %v", tt.name, tt.err, tt.want, tt.packed)
		}
	}
}
