//go:build linux && !android

package shm_test

import (
	"strconv"
	"testing"

	"example.com/sysvipc/sysv/internal/test/compare"
	"example.com/sysvipc/sysv/internal/test/kit"
)

// BenchmarkAttach is an attachment of which one byte is written, and its end.
func BenchmarkAttach(b *testing.B) {
	const size, n = 1 << 20, 5000
	seg := create(b, size, nil)
	compare.Report(b, "ns/attachment", compare.Nanoseconds(n, func() {
		m, err := seg.Attach(nil)
		kit.Must(b, err)
		m.Bytes()[0] = 1
		m.Detach()
	}), "C", compare.C(b, "shm.c")("attach", strconv.Itoa(size), strconv.Itoa(n)))
}
