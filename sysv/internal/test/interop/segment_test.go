//go:build linux && !android

package interop_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
	"github.com/google/go-cmp/cmp"
)

// Whoever makes a segment, both find it by its key and at its exact size, and
// each reads every byte value that the other writes.
func TestSegment(t *testing.T) {
	const size = 600 // no whole page
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	eachMaker(t, func(t *testing.T, l language, byGo bool) {
		p, key := l.start(t), newKey(t)
		if byGo {
			_, err := shm.Create(key, size, nil)
			kit.Must(t, err)
		} else {
			p.do("make-segment", key, size)
		}
		seg, err := shm.Open(key, nil)
		kit.Must(t, err)
		m := attach(t, seg)

		_, err = m.WriteAt(every, 17)
		kit.Must(t, err)
		p.do("write", key, 300, hex.EncodeToString(every))

		ours := make([]byte, seg.Size())
		_, err = m.ReadAt(ours, 0)
		kit.Must(t, err)
		if len(ours) != size || !bytes.Equal(ours[17:][:256], every) || !bytes.Equal(ours[300:][:256], every) {
			t.Errorf("Go reads %d bytes:\n%x", len(ours), ours)
		}
		if diff := cmp.Diff(hex.EncodeToString(ours), p.do("read", key)); diff != "" {
			t.Errorf("bytes (-Go +%s):\n%s", l.name, diff)
		}
	})
}
