//go:build linux && !android

package messages

import "testing"

func newTestLedger(t *testing.T, p plan) *ledger {
	t.Helper()
	l, err := newLedger(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.mem.Detach(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// TestReadRefuses: no record that differs from what a producer sends in any byte is
// taken for a producer's.
func TestReadRefuses(t *testing.T) {
	l := newTestLedger(t, plan{Producers: 2, Consumers: 1, Messages: 9, Size: 30})
	buf := make([]byte, l.Size)
	l.write(buf, 1, 3)
	if p, n, ok := l.read(buf); p != 1 || n != 3 || !ok {
		t.Fatalf("read %d, %d, %v; want 1, 3, true", p, n, ok)
	}
	for _, data := range [][]byte{nil, buf[:4], buf[:29], append(buf[:30:30], 0)} {
		if _, _, ok := l.read(data); ok {
			t.Errorf("%d bytes were taken for a producer's", len(data))
		}
	}
	for i := range buf {
		buf[i] ^= 0x80
		if _, _, ok := l.read(buf); ok {
			t.Errorf("changed at %d it was taken for a producer's", i)
		}
		buf[i] ^= 0x80
	}
}
