package term

import (
	"math"
	"testing"
)

func TestBytes(t *testing.T) {
	for _, tt := range []struct {
		n    uint64
		want string
	}{{0, "0B"}, {1, "1B"}, {1023, "1023B"}, {1024, "1K"}, {5000, "4.9K"}, {1536, "1.5K"}, {2047, "2K"}, {1<<20 - 1, "1024K"}, {1 << 20, "1M"}, {math.MaxUint64, "16E"}} {
		if got := Bytes(tt.n); got != tt.want {
			t.Errorf("%d is %q, want %q", tt.n, got, tt.want)
		}
	}
}

func TestSize(t *testing.T) {
	for text, want := range map[string]Size{"0": 0, "4096": 4096, "64K": 65536, "64k": 65536, "64KiB": 65536, "5KB": 5000, "1G": 1 << 30, "15EiB": 15 << 60, "7B": 7} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); got != want || err != nil {
			t.Errorf("%s is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "K", "-1", "1X", "1KK", "1Ki", "1i", "16E", "18446744073709551616", "1.5K", "BB", "1BB"} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is taken for %d", text, got)
		}
	}
}
