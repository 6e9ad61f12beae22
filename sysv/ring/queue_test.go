//go:build linux && !android && !sysvipc_steps

package ring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/kit"
	"example.com/sysvipc/sysv/sysvtest"
)

func send(t *testing.T, q *Queue, records ...string) {
	t.Helper()
	for _, r := range records {
		ok, err := q.TrySend([]byte(r))
		kit.Must(t, err)
		if !ok {
			t.Fatalf("no room for %q", r)
		}
	}
}

func receive(t *testing.T, q *Queue, want string, attempts int) *Record {
	t.Helper()
	r, err := q.Receive(kit.Patient(t))
	kit.Must(t, err)
	if string(r.Bytes) != want || r.Attempts != attempts {
		t.Fatalf("received %q after %d attempts, want %q after %d", r.Bytes, r.Attempts, want, attempts)
	}
	return &r
}

func nothingLeft(t *testing.T, q *Queue) {
	t.Helper()
	if r, ok, err := q.TryReceive(); ok || err != nil {
		t.Errorf("received %q, %v; want nothing", r.Bytes, err)
	}
}

func TestOrder(t *testing.T) {
	_, q := newQueue(t, 64)
	for range 50 { // around the ring
		send(t, q, "a", "", "three", "12345678")
		for _, want := range []string{"a", "", "three", "12345678"} {
			kit.Must(t, receive(t, q, want, 0).Done())
		}
	}
	nothingLeft(t, q)
}

func TestLengths(t *testing.T) {
	_, q := newQueue(t, 64)
	for range 3 {
		for n := range q.longestRecord() + 1 {
			want := bytes.Repeat([]byte{byte(n)}, n)
			kit.Must(t, q.Send(kit.Patient(t), want))
			kit.Must(t, receive(t, q, string(want), 0).Done())
		}
	}
	if err := q.Send(bg, make([]byte, q.longestRecord()+1)); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("one byte too much: %v", err)
	}
	if _, err := q.Reserve(bg, -1); !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("less than nothing: %v", err)
	}
}

// A lease longer than an offset can tell is one record.
func TestLargeRecords(t *testing.T) {
	_, q := newQueue(t, 1<<20)
	large := bytes.Repeat([]byte("large"), longestLease*unit/5+100)
	for range 20 {
		kit.Must(t, q.Send(kit.Patient(t), large))
		send(t, q, "small")
		r := receive(t, q, string(large), 0)
		kit.Must(t, r.Requeue(bg))
		kit.Must(t, receive(t, q, string(large), 1).Done())
		kit.Must(t, receive(t, q, "small", 0).Done())
	}
	nothingLeft(t, q)
}

func TestDoneInAnyOrder(t *testing.T) {
	_, q := newQueue(t, 64)
	for range 20 {
		send(t, q, "1", "2", "3", "4")
		r1, r2, r3, r4 := receive(t, q, "1", 0), receive(t, q, "2", 0), receive(t, q, "3", 0), receive(t, q, "4", 0)
		for _, r := range []*Record{r3, r1, r4, r2} {
			kit.Must(t, r.Done())
		}
	}
	send(t, q, "once")
	r := receive(t, q, "once", 0)
	copied := *r
	kit.Must(t, r.Done())
	for what, err := range map[string]error{"Done": copied.Done(), "Requeue": copied.Requeue(bg)} {
		if !errors.Is(err, ErrNotHeld) {
			t.Errorf("%s after Done: %v", what, err)
		}
	}
	if err := new(Record).Done(); !errors.Is(err, ErrNotHeld) {
		t.Errorf("Done of no record: %v", err)
	}
	nothingLeft(t, q)
}

// Who takes over what another had finished out of order gets to the end of it.
func TestDeadAfterDoneInAnyOrder(t *testing.T) {
	ids, q := newQueue(t, 64)
	for i := range 3 {
		send(t, q, "1", "2")
		p := sysvtest.Start(t, outOfOrder, ids[0], ids[1], fmt.Sprint(i+1))
		p.Expect("done with 2")
		p.Kill()
		r := receive(t, q, "1", 1)
		nothingLeft(t, q)
		kit.Must(t, r.Done())
		nothingLeft(t, q)
	}
	for i := range q.cells {
		if owner := q.cells[i].owner.load(); owner != 0 {
			t.Errorf("cell %d is %#x's still", i, owner)
		}
	}
}

// One who receives 1 and 2, is done with 2, and waits to be killed.
var outOfOrder = sysvtest.Helper("out of order", func(args []string) error {
	q, err := joinByIDs(args)
	if err != nil {
		return err
	}
	if _, err = q.Receive(bg); err != nil {
		return err
	}
	r, err := q.Receive(bg)
	if err != nil {
		return err
	}
	what := string(r.Bytes)
	if err := r.Done(); err != nil {
		return err
	}
	fmt.Println("done with", what)
	os.Stdin.Read(make([]byte, 1))
	return nil
})

func TestRequeue(t *testing.T) {
	_, q := newQueue(t, 64)
	send(t, q, "1", "2", "3")
	r1, r2 := receive(t, q, "1", 0), receive(t, q, "2", 0)
	kit.Must(t, r2.Requeue(bg))
	kit.Must(t, receive(t, q, "3", 0).Done())
	kit.Must(t, r1.Done())
	r2 = receive(t, q, "2", 1)
	kit.Must(t, r2.Requeue(bg))
	kit.Must(t, receive(t, q, "2", 2).Done())
	nothingLeft(t, q)
}

func TestReservations(t *testing.T) {
	_, q := newQueue(t, 64)
	a, err := q.Reserve(bg, 5)
	kit.Must(t, err)
	b, err := q.Reserve(bg, 3)
	kit.Must(t, err)
	send(t, q, "after")
	copy(b.Bytes, "bbb")
	kit.Must(t, b.Commit())
	nothingLeft(t, q) // they wait for the first
	copy(a.Bytes, "aaaaa")
	kit.Must(t, a.Commit())
	for _, want := range []string{"aaaaa", "bbb", "after"} {
		kit.Must(t, receive(t, q, want, 0).Done())
	}
	c, err := q.Reserve(bg, 100)
	kit.Must(t, err)
	kit.Must(t, c.Discard())
	if err := c.Commit(); !errors.Is(err, ErrNotHeld) {
		t.Errorf("Commit after Discard: %v", err)
	}
	send(t, q, "next")
	kit.Must(t, receive(t, q, "next", 0).Done())
}

// Who sends waits for room, and goes on when there is some.
func TestRoom(t *testing.T) {
	_, q := newQueue(t, 64)
	n := 0
	for {
		ok, err := q.TrySend([]byte("12345678"))
		kit.Must(t, err)
		if !ok {
			break
		}
		n++
	}
	if n != 32 {
		t.Errorf("%d records of 2 units in 64", n)
	}
	ctx, cancel := context.WithTimeout(bg, 10*time.Millisecond)
	defer cancel()
	if err := q.Send(ctx, []byte("12345678")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("into a full ring: %v", err)
	}
	wait := kit.Async(t, func() error { return q.Send(kit.Patient(t), []byte("last")) })
	for range n {
		kit.Must(t, receive(t, q, "12345678", 0).Done())
	}
	kit.Must(t, wait())
	kit.Must(t, receive(t, q, "last", 0).Done())
}

// A holder receives so many records, and has them until it is killed.
var holder = sysvtest.Helper("holder", func(args []string) error {
	q, err := joinByIDs(args[:3])
	if err != nil {
		return err
	}
	n, err := kit.Numbers(args[3:])
	if err != nil {
		return err
	}
	for range n[0] {
		r, err := q.Receive(bg)
		if err != nil {
			return err
		}
		fmt.Printf("%s %d\n", r.Bytes, r.Attempts)
	}
	os.Stdin.Read(make([]byte, 1))
	return nil
})

func hold(t *testing.T, ids []string, slot int, n int, want ...string) *sysvtest.Process {
	t.Helper()
	p := sysvtest.Start(t, holder, ids[0], ids[1], fmt.Sprint(slot), fmt.Sprint(n))
	for _, w := range want {
		p.Expect(w)
	}
	return p
}

func TestDeadConsumer(t *testing.T) {
	ids, q := newQueue(t, 64)
	send(t, q, "1", "2", "3")
	hold(t, ids, 1, 2, "1 0", "2 0").Kill()
	hold(t, ids, 2, 1, "1 1").Kill()
	kit.Must(t, receive(t, q, "1", 2).Done())
	kit.Must(t, receive(t, q, "2", 1).Done())
	kit.Must(t, receive(t, q, "3", 0).Done())
	nothingLeft(t, q)
}

// A record that was given back, or whose consumers died, three times is not delivered
// any more.
func TestAside(t *testing.T) {
	ids, q := newQueue(t, 64)
	if _, ok, err := q.Aside(bg); ok || err != nil {
		t.Fatalf("nothing is set aside: %v, %v", ok, err)
	}
	for round := range 10 { // around the ring aside
		send(t, q, "deadly", "harmless")
		kit.Must(t, receive(t, q, "deadly", 0).Requeue(bg))
		kit.Must(t, receive(t, q, "harmless", 0).Done()) // what this process has comes first
		if round == 0 {
			hold(t, ids, 1, 1, "deadly 1").Kill()
		} else {
			kit.Must(t, receive(t, q, "deadly", 1).Requeue(bg))
		}
		kit.Must(t, receive(t, q, "deadly", 2).Requeue(bg))
		nothingLeft(t, q)
		a, ok, err := q.Aside(bg)
		kit.Must(t, err)
		if !ok || string(a.Data) != "deadly" || a.Attempts != 3 {
			t.Fatalf("aside is %q after %d attempts, %v", a.Data, a.Attempts, ok)
		}
		kit.Must(t, a.Forget(bg))
		kit.Must(t, a.Forget(bg)) // changes nothing
		if _, ok, err := q.Aside(bg); ok || err != nil {
			t.Fatalf("something is set aside still: %v, %v", ok, err)
		}
	}
}

func TestFinish(t *testing.T) {
	ids, q := newQueue(t, 64)
	for i := range 2 { // it can be opened again
		p := sysvtest.Start(t, reserver, ids[0], ids[1], fmt.Sprint(i+1)) // a producer, who does not finish
		p.Expect("reserved")
		send(t, q, "last")
		kit.Must(t, q.Finish())
		ctx, cancel := context.WithTimeout(bg, 5*time.Millisecond)
		if _, err := q.Receive(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("while a producer lives: %v", err)
		}
		cancel()
		p.Kill()
		r := receive(t, q, "last", 0)
		wait := kit.Async(t, func() error { _, err := q.Receive(kit.Patient(t)); return err })
		time.Sleep(time.Millisecond)
		kit.Must(t, r.Done())
		if err := wait(); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	}
}

// No record waits in a lease while another consumer has nothing to do.
func TestLeaseIsShared(t *testing.T) {
	ids, q := newQueue(t, 64)
	send(t, q, "1", "2", "3")
	hold(t, ids, 1, 1, "1 0")
	kit.Must(t, receive(t, q, "2", 0).Done())
	kit.Must(t, receive(t, q, "3", 0).Done())
	nothingLeft(t, q)
}

// A reserver reserves a record and does not finish it.
var reserver = sysvtest.Helper("reserver", func(args []string) error {
	q, err := joinByIDs(args)
	if err != nil {
		return err
	}
	r, err := q.Reserve(bg, 4)
	if err != nil {
		return err
	}
	copy(r.Bytes, "half")
	fmt.Println("reserved")
	os.Stdin.Read(make([]byte, 1))
	return nil
})

func TestDeadProducer(t *testing.T) {
	ids, q := newQueue(t, 64)
	p := sysvtest.Start(t, reserver, ids[0], ids[1], "1")
	p.Expect("reserved")
	send(t, q, "whole")
	nothingLeft(t, q)
	p.Kill()
	kit.Must(t, receive(t, q, "whole", 0).Done())
	nothingLeft(t, q)
}

func TestNoAllocation(t *testing.T) {
	_, q := newQueue(t, 1<<10)
	data := []byte("data")
	if n := testing.AllocsPerRun(1000, func() {
		if ok, err := q.TrySend(data); !ok || err != nil {
			t.Fatal(ok, err)
		}
		r, ok, err := q.TryReceive()
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		r.Done()
	}); n != 0 {
		t.Errorf("%v allocations for a record", n)
	}
}
