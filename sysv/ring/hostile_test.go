//go:build linux && !android && !sysvipc_steps

package ring

import (
	"context"
	"testing"
	"time"
	"unsafe"

	"example.com/sysvipc/sysv/internal/test/storm"
)

// Any bytes in the segment give records, errors or nothing, but neither a fault nor a
// loop without end.
func TestHostileContent(t *testing.T) {
	r := storm.Random(t)
	_, q := newQueue(t, 64)
	b := q.group.Memory()[line:] // what follows the geometry, which nobody looks at again
	words := unsafe.Slice((*word)(unsafe.Pointer(&b[0])), len(b)/4)
	q.dead = func(word uint32) (bool, error) { return word%3 == 0, nil }
	// Of most words what may pass as good: small numbers, members, and what stands there.
	value := func() uint32 {
		switch r.IntN(4) {
		case 0:
			return r.Uint32()
		case 1:
			return uint32(r.IntN(20))
		case 2:
			return uint32(r.IntN(20)) << 20
		}
		return uint32(r.IntN(70))<<16 | uint32(r.IntN(70))
	}
	received := 0
	for range storm.Amount(20_000, 2_000_000) {
		if r.IntN(20) == 0 {
			for i := range words {
				words[i].v.Store(0)
			}
		}
		for range r.IntN(8) {
			words[r.IntN(len(words))].v.Store(value())
		}
		begin := time.Now()
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		switch r.IntN(6) {
		case 3:
			if a, ok, err := q.Aside(ctx); ok && err == nil {
				a.Forget(ctx)
			}
		case 0:
			q.TrySend(make([]byte, r.IntN(100)))
		case 1:
			if res, err := q.Reserve(ctx, r.IntN(100)); err == nil {
				clear(res.Bytes)
				res.Commit()
			}
		case 2:
			q.repair()
		default:
			l, o, err := q.tryHard(ctx)
			if l != nil && err == nil {
				var rec Record
				rec.is(l, o)
				received++
				for i := range rec.Bytes {
					rec.Bytes[i]++
				}
				if r.IntN(2) == 0 {
					rec.Done()
				} else if rec.Requeue(ctx) != nil {
					rec.Done()
				}
			}
		}
		cancel()
		if took := time.Since(begin); took > 5*time.Second {
			t.Fatalf("a call took %v", took)
		}
	}
	t.Logf("ring: %d records out of nonsense", received)
}
