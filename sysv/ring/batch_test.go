//go:build linux && !android && !sysvipc_steps

package ring

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/kit"
)

func numbered(n int) (records [][]byte) {
	for i := range n {
		records = append(records, fmt.Append(nil, i))
	}
	return records
}

func TestBatches(t *testing.T) {
	_, q := newQueue(t, 64)
	buf := make([]Record, 3)
	for range 20 { // around the ring
		n, err := q.SendBatch(kit.Patient(t), numbered(10))
		kit.Must(t, err)
		if n != 10 {
			t.Fatalf("%d of 10 are sent", n)
		}
		for got := 0; got < 10; {
			n, err := q.ReceiveBatch(kit.Patient(t), buf)
			kit.Must(t, err)
			for _, r := range buf[:n] {
				if string(r.Bytes) != fmt.Sprint(got) {
					t.Fatalf("received %q, want %d", r.Bytes, got)
				}
				got++
			}
			kit.Must(t, q.DoneBatch(buf[:n]))
		}
	}
	nothingLeft(t, q)
	if n, err := q.ReceiveBatch(bg, nil); n != 0 || err != nil {
		t.Errorf("into nothing: %d, %v", n, err)
	}
	kit.Must(t, q.DoneBatch(nil))
}

// What has no room waits, and what was sent before that stays.
func TestBatchThatDoesNotFit(t *testing.T) {
	_, q := newQueue(t, 64)
	ctx, cancel := context.WithTimeout(bg, 10*time.Millisecond)
	defer cancel()
	n, err := q.SendBatch(ctx, numbered(50))
	if n != 32 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%d of 50 are sent, %v; want 32", n, err)
	}
	wait := kit.Async(t, func() error { _, err := q.SendBatch(kit.Patient(t), numbered(50)[32:]); return err })
	for i := range 50 {
		kit.Must(t, receive(t, q, fmt.Sprint(i), 0).Done())
	}
	kit.Must(t, wait())
	if n, err := q.SendBatch(bg, [][]byte{nil, make([]byte, 1000)}); n != 0 || !errors.Is(err, ErrTooLong) {
		t.Errorf("with one that is too long: %d, %v", n, err)
	}
	nothingLeft(t, q)
}

// Some are copied under the mutex, and some are too long for that.
func TestBatchOfShortAndLong(t *testing.T) {
	_, q := newQueue(t, 4096)
	want := []string{"short", strings.Repeat("long", 1000), strings.Repeat("longer", 1000), "", "short again"}
	for range 10 {
		var records [][]byte
		for _, w := range want {
			records = append(records, []byte(w))
		}
		n, err := q.SendBatch(kit.Patient(t), records)
		kit.Must(t, err)
		if n != len(want) {
			t.Fatalf("%d of %d are sent", n, len(want))
		}
		for _, w := range want {
			kit.Must(t, receive(t, q, w, 0).Done())
		}
	}
}

// Done in any order, also of records of several leases, and of some twice.
func TestDoneBatch(t *testing.T) {
	_, q := newQueue(t, 256)
	all := make([]Record, 0, 20)
	for range 2 {
		_, err := q.SendBatch(bg, numbered(10))
		kit.Must(t, err)
		for range 10 {
			r, err := q.Receive(bg)
			kit.Must(t, err)
			all = append(all, r)
		}
	}
	kit.Must(t, q.DoneBatch([]Record{all[3], all[12], all[5], all[4]}))
	kit.Must(t, q.DoneBatch([]Record{all[1], all[0], all[2]}))
	twice := all[6]
	if err := q.DoneBatch([]Record{all[6], twice, all[7], {}, all[3]}); !errors.Is(err, ErrNotHeld) {
		t.Errorf("of some that are not held: %v", err)
	}
	if q.held != 20-9 {
		t.Errorf("%d are held, want 11", q.held)
	}
	kit.Must(t, q.DoneBatch([]Record{all[19], all[11], all[8], all[9], all[10], all[13], all[14], all[15], all[16], all[17], all[18]}))
	if q.held != 0 {
		t.Errorf("%d are held, want none", q.held)
	}
	for i := range q.cells {
		if owner := q.cells[i].owner.load(); owner != 0 {
			t.Errorf("cell %d is %#x's still", i, owner)
		}
	}
}

func TestNext(t *testing.T) {
	_, q := newQueue(t, 64)
	send(t, q, "1", "2")
	buf := make([]byte, 0, 10)
	for _, want := range []string{"1", "2"} {
		got, err := q.Next(kit.Patient(t), buf)
		kit.Must(t, err)
		if string(got) != want {
			t.Errorf("next is %q, want %q", got, want)
		}
	}
	if q.held != 0 {
		t.Errorf("%d are held", q.held)
	}
}

// A copy of a reservation is the same one, also when another has its place.
func TestCommitTwice(t *testing.T) {
	_, q := newQueue(t, 64)
	for range 10 {
		a, err := q.Reserve(bg, 100)
		kit.Must(t, err)
		copied := a
		copy(a.Bytes, "first")
		kit.Must(t, a.Commit())
		r, err := q.Receive(bg)
		kit.Must(t, err)
		kit.Must(t, r.Done())
		b, err := q.Reserve(bg, 100)
		kit.Must(t, err)
		for what, err := range map[string]error{"Commit": copied.Commit(), "Discard": copied.Discard()} {
			if !errors.Is(err, ErrNotHeld) {
				t.Errorf("%s of what was committed: %v", what, err)
			}
		}
		nothingLeft(t, q)
		kit.Must(t, b.Discard())
	}
}
