//go:build linux && !android && !sysvipc_steps

package ring

import (
	"fmt"
	"maps"
	"os"
	"strconv"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sysvtest"
)

func (q *Queue) groupID() string { return strconv.Itoa(q.ID()) }

// rejoin makes this process a member once more.
func rejoin(t *testing.T, q *Queue) *Queue {
	t.Helper()
	again, err := OpenQueueID(kit.Patient(t), q.ID(), nil)
	kit.Must(t, err)
	return again
}

// queueCalls are what can be done with a queue that may be closed or removed.
var queueCalls = map[string]func(q *Queue) error{
	"Send":         func(q *Queue) error { return q.Send(bg, []byte("x")) },
	"TrySend":      func(q *Queue) error { _, err := q.TrySend([]byte("x")); return err },
	"SendBatch":    func(q *Queue) error { _, err := q.SendBatch(bg, [][]byte{[]byte("x")}); return err },
	"Reserve":      func(q *Queue) error { _, err := q.Reserve(bg, 1); return err },
	"Receive":      func(q *Queue) error { _, err := q.Receive(bg); return err },
	"TryReceive":   func(q *Queue) error { _, _, err := q.TryReceive(); return err },
	"ReceiveBatch": func(q *Queue) error { _, err := q.ReceiveBatch(bg, make([]Record, 3)); return err },
	"Next":         func(q *Queue) error { _, err := q.Next(bg, nil); return err },
	"Aside":        func(q *Queue) error { _, _, err := q.Aside(bg); return err },
	"Finish":       (*Queue).Finish,
	"Stat":         func(q *Queue) error { _, err := q.Stat(); return err },
}

func TestCallsAfterClose(t *testing.T) {
	_, q := newQueue(t, 64)
	send(t, q, "1")
	again := rejoin(t, q)
	r := receive(t, again, "1", 0)
	kit.Must(t, r.Done())
	kit.Must(t, again.Close())
	for name, call := range queueCalls {
		if err := call(again); err == nil {
			t.Errorf("%s after Close is fine", name)
		} else {
			kit.WantError(t, err, os.ErrClosed)
		}
	}
	kit.Must(t, again.Close())
	kit.WantError(t, r.Done(), ErrNotHeld)
	if again.ID() != q.ID() || again.Key() != q.Key() {
		t.Errorf("id %d, key %v", again.ID(), again.Key())
	}
}

func TestCallsAfterRemove(t *testing.T) {
	_, q := newQueue(t, 64)
	again := rejoin(t, q)
	closeQueue(t, again)
	kit.Must(t, q.Remove())
	calls := maps.Clone(queueCalls)
	delete(calls, "Finish") // nobody is told anything
	wantFailures(t, calls, again, sysv.ErrRemoved)
	kit.WantError(t, again.Remove(), sysv.ErrRemoved)
	_, err := OpenQueueID(kit.Patient(t), q.ID(), nil)
	kit.WantError(t, err, sysv.ErrRemoved)
}

func TestCloseIsRefusedWithOpenRecords(t *testing.T) {
	_, q := newQueue(t, 64)
	again := rejoin(t, q)
	send(t, q, "1", "2")
	r := receive(t, again, "1", 0)
	kit.WantError(t, again.Close(), ErrInUse)
	kit.Must(t, r.Done())
	w, err := again.Reserve(bg, 3)
	kit.Must(t, err)
	kit.WantError(t, again.Close(), ErrInUse)
	copy(w.Bytes, "new")
	kit.Must(t, w.Commit())
	kit.Must(t, again.Close())
	kit.Must(t, receive(t, q, "2", 0).Done()) // which the other had leased
	kit.Must(t, receive(t, q, "new", 0).Done())
	nothingLeft(t, q)
}

// waiting has a consumer and a producer wait, this process's and another's.
func waiting(t *testing.T, q, full *Queue) (wait [4]func() error) {
	for {
		ok, err := full.TrySend(make([]byte, 100))
		kit.Must(t, err)
		if !ok {
			break
		}
	}
	consumer := func(q *Queue) func() error {
		return kit.Async(t, func() error { _, err := q.Receive(kit.Patient(t)); return err })
	}
	producer := func(q *Queue) func() error {
		return kit.Async(t, func() error { return q.Send(kit.Patient(t), make([]byte, 100)) })
	}
	q2, full2 := rejoin(t, q), rejoin(t, full)
	closeQueue(t, q2)
	closeQueue(t, full2)
	wait = [4]func() error{consumer(q), consumer(q2), producer(full), producer(full2)}
	kit.Eventually(t, "all wait", func() bool {
		a, err := InspectQueue(q.ID())
		b, err2 := InspectQueue(full.ID())
		return err == nil && err2 == nil && a.ConsumersWait && b.ProducersWait
	})
	return wait
}

func TestRemovalEndsWaits(t *testing.T) {
	emulator.Mode.Skip(t) // where it has the bit of a removed segment
	for name, remove := range removals {
		t.Run(name, func(t *testing.T) {
			_, q := newQueue(t, 64)
			_, full := newQueue(t, 64)
			wait := waiting(t, q, full)
			remove(t, q)
			remove(t, full)
			begin := time.Now()
			for _, w := range wait {
				kit.WantError(t, w(), sysv.ErrRemoved)
			}
			t.Logf("told within %v", time.Since(begin))
		})
	}
}

// A member that died so long ago that another has its word leaves nothing to him.
func TestWordsComeRound(t *testing.T) {
	_, q := newQueue(t, 64)
	send(t, q, "1", "2", "3")
	word := q.me + 1<<slotShift&^(1<<slotShift-1) // of the next slot
	next := func() *Queue {
		again := rejoin(t, q)
		if again.me>>slotShift != word>>slotShift {
			t.Fatalf("member %#x, want slot of %#x", again.me, word)
		}
		return again
	}
	first := next()
	kit.Must(t, first.Close())
	word = first.me + 1 // the next one's

	r := receive(t, q, "1", 0)
	q.cells[r.lease.cell].owner.store(word) // as if that one had it
	w, err := q.Reserve(bg, 4)
	kit.Must(t, err)
	q.record(uint32(w.key)).state.store(word)

	again := next()
	closeQueue(t, again)
	if again.me != word {
		t.Fatalf("member %#x, want %#x", again.me, word)
	}
	kit.Must(t, receive(t, again, "1", 1).Done())
	kit.Must(t, receive(t, again, "2", 0).Done())
	kit.Must(t, receive(t, again, "3", 0).Done())
	send(t, again, "4") // behind what is padding now
	kit.Must(t, receive(t, again, "4", 0).Done())
}

// lessee receives a record and says what it has leased.
var lessee = sysvtest.Helper("lessee", func(args []string) error {
	q, err := joinByIDs(args)
	if err != nil {
		return err
	}
	r, err := q.Receive(bg)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n", r.Bytes)
	os.Stdin.Read(make([]byte, 1))
	return nil
})
