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

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
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

// Whoever consumes gets the oldest: what another is to deliver and has not, before what
// nobody has had.
func TestOrderOfSeveralConsumers(t *testing.T) {
	_, a := newQueue(t, 64)
	b := rejoin(t, a)
	closeQueue(t, b)
	send(t, a, "1", "2", "3", "4")
	first := receive(t, a, "1", 0) // and has leased the others
	send(t, a, "5", "6")
	second := receive(t, b, "2", 0)
	kit.Must(t, first.Done())
	third := receive(t, a, "3", 0)
	kit.Must(t, second.Done())
	for _, want := range []string{"4", "5", "6"} {
		kit.Must(t, receive(t, b, want, 0).Done())
	}
	kit.Must(t, third.Done())
	nothingLeft(t, a)
	nothingLeft(t, b)
}

// What is set aside is told by what Aside returned, not by what became of it since.
func TestForgetOnlyWhatIsAside(t *testing.T) {
	_, q := newQueue(t, 64)
	kit.WantError(t, new(Aside).Forget(bg), ErrNotHeld)
	none, ok, err := q.Aside(bg)
	kit.Must(t, err)
	if ok {
		t.Errorf("%q is set aside", none.Data)
	}
	for _, record := range []string{"a longer one", "another"} {
		send(t, q, record)
		for i := range testLimit {
			kit.Must(t, receive(t, q, record, i).Requeue(bg))
		}
	}
	nothingLeft(t, q)
	kit.WantError(t, none.Forget(bg), ErrNotHeld)
	for _, record := range []string{"a longer one", "another"} {
		a, ok, err := q.Aside(bg)
		kit.Must(t, err)
		if !ok || string(a.Data) != record {
			t.Fatalf("aside is %q, %v, want %q", a.Data, ok, record)
		}
		a.Data = a.Data[:1]
		kit.Must(t, a.Forget(bg))
	}
}

// The longest record has room aside, wherever the ring aside begins.
func TestTheLongestIsSetAside(t *testing.T) {
	q, err := CreateQueue(bg, sysv.Private, &Config{Size: 4096, Attempts: 1})
	kit.Must(t, err)
	endQueue(t, q)
	for _, n := range []int{100, q.LongestRecord(), 1, q.LongestRecord(), q.LongestRecord()} {
		kit.Must(t, q.Send(bg, make([]byte, n)))
		r, err := q.Receive(kit.Patient(t))
		kit.Must(t, err)
		kit.Must(t, r.Requeue(bg))
		nothingLeft(t, q)
		a, ok, err := q.Aside(bg)
		kit.Must(t, err)
		if !ok || len(a.Data) != n {
			t.Fatalf("%d bytes aside, %v, want %d", len(a.Data), ok, n)
		}
		kit.Must(t, a.Forget(bg))
	}
}

// Nonsense where nothing can be set aside is no place to look.
func TestNothingAsideInNonsense(t *testing.T) {
	q, err := CreateQueue(bg, sysv.Private, &Config{Size: 512})
	kit.Must(t, err)
	endQueue(t, q)
	q.asideTail.store(7)
	_, _, err = q.Aside(bg)
	kit.WantError(t, err, errCorrupt)
}

// A batch of another queue stays held.
func TestDoneBatchOfAnotherQueue(t *testing.T) {
	_, a := newQueue(t, 64)
	_, b := newQueue(t, 64)
	send(t, a, "1", "2")
	records := make([]Record, 2)
	if n, err := a.ReceiveBatch(kit.Patient(t), records); n != 2 || err != nil {
		t.Fatalf("%d records, %v", n, err)
	}
	kit.WantError(t, b.DoneBatch(records), ErrNotHeld)
	kit.Must(t, a.DoneBatch(records))
	kit.WantError(t, a.DoneBatch(records), ErrNotHeld)
	kit.Must(t, a.Close())
}

// A producer that dies does not keep the queue open that others have finished.
func TestFinishBesideTheDead(t *testing.T) {
	ids, q := newQueue(t, 64)
	send(t, q, "1")
	kit.Must(t, q.Finish())
	p := sysvtest.Start(t, reserver, ids[0], ids[1], "1")
	p.Line()
	p.Kill()
	kit.Must(t, receive(t, q, "1", 0).Done())
	if _, err := q.Receive(kit.Patient(t)); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
	n, err := q.SendBatch(bg, nil) // sends nothing
	if n != 0 || err != nil {
		t.Errorf("%d of no records sent, %v", n, err)
	}
	if _, err := q.Receive(kit.Patient(t)); err != io.EOF {
		t.Errorf("at the end still: %v", err)
	}
}

// Who closes ends nothing, but does not keep open what others have finished.
func TestCloseIsNoFinish(t *testing.T) {
	_, q := newQueue(t, 64)
	producer, other := rejoin(t, q), rejoin(t, q)
	send(t, producer, "1")
	send(t, other, "2")
	kit.Must(t, producer.Close())
	kit.Must(t, receive(t, q, "1", 0).Done())
	kit.Must(t, receive(t, q, "2", 0).Done())
	nothingLeft(t, q)
	kit.Must(t, q.Finish())
	nothingLeft(t, q)
	kit.Must(t, other.Close())
	if _, err := q.Receive(kit.Patient(t)); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// A call that waits keeps the memory in use.
func TestCloseWhileOthersWait(t *testing.T) {
	_, q := newQueue(t, 64)
	other := rejoin(t, q)
	ctx, cancel := context.WithCancel(t.Context())
	wait := kit.Async(t, func() error { _, err := other.Receive(ctx); return err })
	kit.Eventually(t, "it waits", func() bool { st, err := q.Stat(); return err == nil && st.ConsumersWait })
	kit.WantError(t, other.Close(), ErrInUse)
	cancel()
	kit.WantError(t, wait(), context.Canceled)
	kit.Must(t, other.Close())
}

// Who has a lease hears of a removal as well.
func TestRemovalOfWhatIsLeased(t *testing.T) {
	_, q := newQueue(t, 1<<12)
	other := rejoin(t, q)
	for range 1000 {
		send(t, q, "x")
	}
	kit.Must(t, receive(t, other, "x", 0).Done())
	kit.Must(t, q.Remove())
	kit.Eventually(t, "it is told", func() bool {
		r, err := other.Receive(kit.Patient(t))
		if err != nil {
			kit.WantError(t, err, sysv.ErrRemoved)
			return true
		}
		kit.Must(t, r.Done())
		return false
	})
	kit.Must(t, other.Close())
}
