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
