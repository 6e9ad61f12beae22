//go:build linux && !android

package messages

import "testing"

func TestNumbers(t *testing.T) {
	var r numbers
	for _, n := range []uint32{1, 2, 3, 7, 9, 10, 20, 30, 40, 41, 42} {
		r.add(n)
	}
	if want := "1-3, 7, 9-10, 20, 30 and 3 more"; r.String() != want || r.count() != 11 {
		t.Errorf("%q, %d; want %q, 11", r, r.count(), want)
	}
}
