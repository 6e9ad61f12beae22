//go:build linux && !android && !sysvipc_steps

package ring

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sysvtest"
)

func publish(t *testing.T, f *Feed, records ...string) {
	t.Helper()
	for _, r := range records {
		ok, err := f.TrySend([]byte(r))
		kit.Must(t, err)
		if !ok {
			t.Fatalf("no room for %q", r)
		}
	}
}

// next receives records, which are copied.
func next(t *testing.T, s *Subscription, want ...string) {
	t.Helper()
	for _, want := range want {
		data, err := s.Next(kit.Patient(t), nil)
		kit.Must(t, err)
		if string(data) != want {
			t.Fatalf("received %q, want %q", data, want)
		}
	}
}

func noneLeft(t *testing.T, s *Subscription) {
	t.Helper()
	if data, ok, err := s.TryNext(nil); ok || err != nil {
		t.Errorf("received %q, %v; want nothing", data, err)
	}
}

func given1(t *testing.T, s *Subscription, want string) *FeedRecord {
	t.Helper()
	r, err := s.Receive(kit.Patient(t))
	kit.Must(t, err)
	if string(r.Bytes) != want {
		t.Fatalf("received %q, want %q", r.Bytes, want)
	}
	return &r
}

// both runs a test with either kind of feed.
func both(t *testing.T, units int, do func(t *testing.T, ids []string, f *Feed)) {
	for _, lossy := range []bool{false, true} {
		name := "lossless"
		if lossy {
			name = "lossy"
		}
		t.Run(name, func(t *testing.T) {
			ids, f := newTestFeed(t, units, map[bool]int{false: 8}[lossy], lossy)
			do(t, ids, f)
		})
	}
}

func TestFeedGivesAllToEach(t *testing.T) {
	both(t, 64, func(t *testing.T, ids []string, f *Feed) {
		other := joinFeedHere(t, ids)
		publish(t, f, "before anybody")
		a, b := subscribe(t, f), subscribe(t, other)
		noneLeft(t, a)
		for i := range 50 { // around the ring
			publish(t, f, "a", "", "three", "12345678")
			publish(t, other, strings.Repeat("x", i))
			next(t, a, "a", "", "three", "12345678", strings.Repeat("x", i))
			c := subscribe(t, f)
			publish(t, f, "last")
			next(t, c, "last")
			kit.Must(t, c.Close())
			next(t, a, "last")
			next(t, b, "a", "", "three", "12345678", strings.Repeat("x", i), "last")
			noneLeft(t, b)
		}
	})
}

func TestFeedLengths(t *testing.T) {
	both(t, 64, func(t *testing.T, _ []string, f *Feed) {
		s := subscribe(t, f)
		for range 3 {
			for n := range f.LongestRecord() + 1 {
				want := strings.Repeat(string(rune('a'+n%26)), n)
				publish(t, f, want)
				next(t, s, want)
			}
		}
		long := make([]byte, f.LongestRecord()+1)
		if err := f.Send(bg, long); !errors.Is(err, ErrTooLong) || !errors.Is(err, syscall.EMSGSIZE) {
			t.Errorf("one byte too much: %v", err)
		}
		if n, err := f.SendBatch(bg, [][]byte{nil, long}); n != 0 || !errors.Is(err, ErrTooLong) {
			t.Errorf("one byte too much after another record: %d sent, %v", n, err)
		}
		noneLeft(t, s)
	})
}

// Next appends.
func TestFeedNextAppends(t *testing.T) {
	both(t, 64, func(t *testing.T, _ []string, f *Feed) {
		s := subscribe(t, f)
		publish(t, f, "ab", "cd")
		buf := make([]byte, 0, 6)
		data, err := s.Next(bg, append(buf, "x:"...))
		kit.Must(t, err)
		data, err = s.Next(bg, data)
		kit.Must(t, err)
		if string(data) != "x:abcd" || &data[0] != &buf[:1][0] {
			t.Errorf("%q", data)
		}
	})
}

func TestFeedBatches(t *testing.T) {
	both(t, 64, func(t *testing.T, _ []string, f *Feed) {
		s := subscribe(t, f)
		var records [][]byte
		for i := range 10 {
			records = append(records, []byte(fmt.Sprint(i)))
		}
		for range 20 {
			n, err := f.SendBatch(bg, records)
			if n != len(records) || err != nil {
				t.Fatalf("%d sent, %v", n, err)
			}
			for _, r := range records {
				next(t, s, string(r))
			}
		}
		n, err := f.SendBatch(bg, nil)
		if n != 0 || err != nil {
			t.Errorf("none: %d, %v", n, err)
		}
	})
}

// A consumer that holds producers up says at once what it is done with, however little.
func TestFeedRoomIsTold(t *testing.T) {
	_, f := newTestFeed(t, 64, 2, false)
	s := subscribe(t, f)
	for range 64 {
		publish(t, f, "")
	}
	for range 100 {
		if ok, err := f.TrySend(nil); ok || err != nil {
			t.Fatalf("there is room in a full ring: %v", err)
		}
		next(t, s, "")
		publish(t, f, "")
	}
}

func TestFeedReceivesBatches(t *testing.T) {
	_, f := newTestFeed(t, 64, 2, false)
	s := subscribe(t, f)
	buf := make([]FeedRecord, 4)
	for range 20 { // around the ring
		n, err := f.SendBatch(bg, numbered(10))
		if n != 10 || err != nil {
			t.Fatalf("%d sent, %v", n, err)
		}
		for _, want := range [][]string{{"0", "1", "2", "3"}, {"4", "5", "6", "7"}, {"8", "9"}} {
			n, err := s.ReceiveBatch(kit.Patient(t), buf)
			kit.Must(t, err)
			var got []string
			for _, r := range buf[:n] {
				got = append(got, string(r.Bytes))
			}
			if !slices.Equal(got, want) {
				t.Fatalf("received %q, want %q", got, want)
			}
			kit.Must(t, s.DoneBatch(buf[:n]))
		}
	}
	noneLeft(t, s)
	if n, err := s.ReceiveBatch(bg, nil); n != 0 || err != nil {
		t.Errorf("into nothing: %d, %v", n, err)
	}
	kit.Must(t, s.DoneBatch(nil))
	kit.Must(t, s.Close())
}

// A batch waits for its first record, and for no other.
func TestFeedBatchIsWaitedFor(t *testing.T) {
	_, f := newTestFeed(t, 64, 2, false)
	s := subscribe(t, f)
	kit.WantDeadline(t, "ReceiveBatch", func(ctx context.Context) error {
		_, err := s.ReceiveBatch(ctx, make([]FeedRecord, 2))
		return err
	})
	wait := kit.Async(t, func() string {
		buf := make([]FeedRecord, 2)
		n, err := s.ReceiveBatch(kit.Patient(t), buf)
		got := fmt.Sprintf("%d, %q, %v", n, buf[0].Bytes, err)
		kit.Must(t, s.DoneBatch(buf[:n]))
		return got
	})
	time.Sleep(time.Millisecond)
	publish(t, f, "x")
	if got, want := wait(), `1, "x", <nil>`; got != want {
		t.Errorf("received %s, want %s", got, want)
	}
}

// Records are given back whichever are in a batch, and those that can't be are left.
func TestFeedDoneBatch(t *testing.T) {
	_, f := newTestFeed(t, 64, 4, false)
	s, other := subscribe(t, f), subscribe(t, f)
	publish(t, f, "0", "1", "2", "3")
	r, theirs := make([]FeedRecord, 4), make([]FeedRecord, 4)
	for _, b := range []struct {
		of  *Subscription
		buf []FeedRecord
	}{{s, r}, {other, theirs}} {
		if n, err := b.of.ReceiveBatch(bg, b.buf); n != 4 || err != nil {
			t.Fatalf("%d received, %v", n, err)
		}
	}
	twice := r[1]
	kit.Must(t, s.DoneBatch([]FeedRecord{r[2], r[1]}))
	kit.WantError(t, s.DoneBatch([]FeedRecord{twice, theirs[0], {}, r[3]}), ErrNotHeld) // but the last is
	kit.WantError(t, s.Close(), ErrInUse)
	kit.Must(t, r[0].Done())
	kit.Must(t, s.Close())
	kit.WantError(t, other.Close(), ErrInUse)
	kit.Must(t, other.DoneBatch(theirs))
	kit.Must(t, other.Close())
}

// A batch that is larger than the ring waits for consumers in the middle.
func TestFeedLargeBatch(t *testing.T) {
	_, f := newTestFeed(t, 64, 2, false)
	s := subscribe(t, f)
	records := make([][]byte, 1000)
	for i := range records {
		records[i] = []byte(fmt.Sprint(i))
	}
	wait := kit.Async(t, func() error {
		n, err := f.SendBatch(kit.Patient(t), records)
		if n != len(records) {
			t.Errorf("%d sent", n)
		}
		return err
	})
	for _, r := range records {
		next(t, s, string(r))
	}
	kit.Must(t, wait())
	noneLeft(t, s)
	n, err := f.SendBatch(kit.Brief(t), records)
	if n != 32 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while nobody receives: %d sent, %v; want 32", n, err)
	}
}

func TestFeedDoneInAnyOrder(t *testing.T) {
	_, f := newTestFeed(t, 64, 2, false)
	s := subscribe(t, f)
	for range 20 {
		publish(t, f, "1", "2", "3", "4")
		r1, r2, r3, r4 := given1(t, s, "1"), given1(t, s, "2"), given1(t, s, "3"), given1(t, s, "4")
		for _, r := range []*FeedRecord{r3, r1, r4, r2} {
			copied := *r
			kit.Must(t, r.Done())
			for name, again := range map[string]*FeedRecord{"it": r, "a copy of it": &copied} {
				if err := again.Done(); !errors.Is(err, ErrNotHeld) {
					t.Errorf("Done of %s again: %v", name, err)
				}
			}
		}
	}
	if oldest, tail := f.oldest(f.tail.load()), f.tail.load(); oldest != tail {
		t.Errorf("%d units are kept still", tail-oldest)
	}
}

// The slowest holds producers back, and what it has is not written over.
func TestFeedRoom(t *testing.T) {
	_, f := newTestFeed(t, 64, 8, false)
	slow, fast := subscribe(t, f), subscribe(t, f)
	n := 0
	for {
		ok, err := f.TrySend([]byte("12345678"))
		kit.Must(t, err)
		if !ok {
			break
		}
		next(t, fast, "12345678")
		n++
	}
	if n != 32 {
		t.Errorf("%d records of 2 units in 64", n)
	}
	kit.WantDeadline(t, "Send", func(ctx context.Context) error { return f.Send(ctx, []byte("12345678")) })
	wait := kit.Async(t, func() error { return f.Send(kit.Patient(t), []byte("last")) })
	r := given1(t, slow, "12345678")
	time.Sleep(time.Millisecond)
	if string(r.Bytes) != "12345678" {
		t.Errorf("what is not done with is written over: %q", r.Bytes)
	}
	kit.Must(t, r.Done())
	kit.Must(t, wait())
	next(t, fast, "last")
	wait = kit.Async(t, func() error { return f.Send(kit.Patient(t), []byte("later")) })
	r = given1(t, slow, "12345678")
	if err := slow.Close(); !errors.Is(err, ErrInUse) {
		t.Errorf("Close with a record that is held: %v", err)
	}
	kit.Must(t, r.Done())
	kit.Must(t, slow.Close())
	kit.Must(t, slow.Close())
	kit.Must(t, wait())
	if _, err := slow.Receive(bg); !errors.Is(err, os.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	for range 100 { // who is closed holds nobody up
		publish(t, f, "12345678")
		if n == 32 {
			next(t, fast, "later")
			n = 0
		}
		next(t, fast, "12345678")
	}
}

func TestFeedCursors(t *testing.T) {
	ids, f := newTestFeed(t, 64, 2, false)
	p := sysvtest.Start(t, feedHolder, ids...)
	p.Expect("subscribed")
	s := subscribe(t, f)
	if _, err := f.Subscribe(bg); !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("a third of two: %v", err)
	}
	if _, err := f.Reserve(bg, 1); !errors.Is(err, syscall.EAGAIN) {
		t.Errorf("Reserve without a cursor: %v", err)
	}
	p.Kill() // and its cursor is somebody else's
	r, err := f.Reserve(bg, 1)
	kit.Must(t, err)
	kit.Must(t, r.Discard())
	kit.Must(t, subscribe(t, f).Close())
	kit.Must(t, s.Close())
	subscribe(t, f)
	subscribe(t, f)
}

// A holder subscribes, and has what it is told to receive until it is killed.
var feedHolder = sysvtest.Helper("feed holder", func(args []string) error {
	f, err := joinFeedByIDs(args)
	if err != nil {
		return err
	}
	s, err := f.Subscribe(bg)
	if err != nil {
		return err
	}
	fmt.Println("subscribed")
	for {
		r, err := s.Receive(bg)
		if err != nil {
			return err
		}
		fmt.Printf("%s\n", r.Bytes)
	}
})

// A dead consumer holds nobody up, and a stopped one does.
func TestFeedDeadConsumer(t *testing.T) {
	ids, f := newTestFeed(t, 64, 4, false)
	p := sysvtest.Start(t, feedHolder, ids...)
	p.Expect("subscribed")
	s := subscribe(t, f)
	publish(t, f, "first")
	p.Expect("first")
	for range 31 {
		publish(t, f, "12345678")
	}
	next(t, s, "first")
	for range 31 {
		next(t, s, "12345678")
	}
	kit.Must(t, p.Cmd.Process.Signal(syscall.SIGSTOP))
	kit.AwaitStopped(t, p.Cmd.Process.Pid)
	kit.WantDeadline(t, "Send", func(ctx context.Context) error { return f.Send(ctx, []byte("12345678")) })
	wait := kit.Async(t, func() error { return f.Send(kit.Patient(t), []byte("12345678")) })
	p.Kill()
	kit.Must(t, wait())
	next(t, s, "12345678")
}

func TestFeedReservations(t *testing.T) {
	_, f := newTestFeed(t, 64, 8, false)
	s := subscribe(t, f)
	for range 20 {
		a, err := f.Reserve(bg, 5)
		kit.Must(t, err)
		b, err := f.Reserve(bg, 3)
		kit.Must(t, err)
		publish(t, f, "after")
		copy(b.Bytes, "bbb")
		kit.Must(t, b.Commit())
		noneLeft(t, s) // they wait for the first
		copy(a.Bytes, "aaaaa")
		wait := kit.Async(t, func() error { next(t, s, "aaaaa"); return nil })
		kit.Must(t, a.Commit())
		kit.Must(t, wait())
		next(t, s, "bbb", "after")
		c, err := f.Reserve(bg, 100)
		kit.Must(t, err)
		kit.Must(t, c.Discard())
		if err := c.Commit(); !errors.Is(err, ErrNotHeld) {
			t.Errorf("Commit after Discard: %v", err)
		}
		publish(t, f, "next")
		next(t, s, "next")
	}
	if _, err := f.Reserve(bg, -1); !errors.Is(err, ErrTooLong) {
		t.Errorf("less than nothing: %v", err)
	}
}

// What is being written in place is not written over, even where nobody listens.
func TestFeedKeepsReservations(t *testing.T) {
	_, f := newTestFeed(t, 64, 8, false)
	r, err := f.Reserve(bg, 8)
	kit.Must(t, err)
	copy(r.Bytes, "12345678")
	n := 0
	for {
		ok, err := f.TrySend([]byte("--------"))
		kit.Must(t, err)
		if !ok {
			break
		}
		n++
	}
	if n != 31 || string(r.Bytes) != "12345678" {
		t.Errorf("%d records beside a reservation, which is %q now", n, r.Bytes)
	}
	wait := kit.Async(t, func() error { return f.Send(kit.Patient(t), nil) })
	kit.Must(t, r.Commit())
	kit.Must(t, wait())
}

// A feedReserver reserves a record and does not finish it.
var feedReserver = sysvtest.Helper("feed reserver", func(args []string) error {
	f, err := joinFeedByIDs(args)
	if err != nil {
		return err
	}
	r, err := f.Reserve(bg, 4)
	if err != nil {
		return err
	}
	copy(r.Bytes, "half")
	fmt.Println("reserved")
	os.Stdin.Read(make([]byte, 1))
	return nil
})

func TestFeedDeadProducer(t *testing.T) {
	ids, f := newTestFeed(t, 64, 8, false)
	a, b := subscribe(t, f), subscribe(t, f)
	for i := range 5 {
		p := sysvtest.Start(t, feedReserver, ids...)
		p.Expect("reserved")
		publish(t, f, "whole")
		noneLeft(t, a)
		p.Kill()
		next(t, a, "whole")
		if i%5 == 4 { // and what the dead keep is given back
			for range 5 {
				next(t, b, "whole")
			}
		}
		noneLeft(t, a)
	}
}

func TestFeedFinish(t *testing.T) {
	both(t, 64, func(t *testing.T, ids []string, f *Feed) {
		a, b := subscribe(t, f), subscribe(t, f)
		for range 2 { // it can be opened again
			p := sysvtest.Start(t, feedSender, append(ids, "5", "1")...) // who does not finish
			p.Expect("sent")
			kit.Must(t, f.Send(bg, []byte("last")))
			kit.Must(t, f.Finish())
			for _, s := range []*Subscription{a, b} {
				next(t, s, "\x01\x00\x00\x00\x00", "last")
				kit.WantDeadline(t, "Next", func(ctx context.Context) error { _, err := s.Next(ctx, nil); return err })
			}
			wait := kit.Async(t, func() error { _, err := a.Next(kit.Patient(t), nil); return err })
			p.Kill()
			if err := wait(); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
			if _, err := b.Next(bg, nil); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
		}
		kit.Must(t, f.Send(bg, []byte("again")))
		wait := kit.Async(t, func() error {
			if _, err := b.Next(bg, nil); err != nil {
				return err
			}
			_, err := b.Next(bg, nil)
			return err
		})
		next(t, a, "again")
		time.Sleep(time.Millisecond)
		kit.Must(t, f.Finish())
		if err := wait(); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
	})
}

// A feedSender sends so many records of a length, whose first 4 bytes count them, then
// waits.
var feedSender = sysvtest.Helper("feed sender", func(args []string) error {
	f, err := joinFeedByIDs(args)
	if err != nil {
		return err
	}
	v, err := kit.Numbers(args[1:])
	if err != nil {
		return err
	}
	data := make([]byte, v[0])
	for i := range v[1] {
		binary.LittleEndian.PutUint32(data, uint32(i+1))
		if err := f.Send(bg, data); err != nil {
			return err
		}
	}
	fmt.Println("sent")
	os.Stdin.Read(make([]byte, 1))
	return nil
})

func TestFeedContexts(t *testing.T) {
	both(t, 64, func(t *testing.T, _ []string, f *Feed) {
		s := subscribe(t, f)
		for name, ctx := range kit.Contexts(t) {
			t.Run(name, func(t *testing.T) {
				wait := kit.Async(t, func() error { _, err := s.Next(ctx, nil); return err })
				time.Sleep(time.Millisecond)
				kit.Must(t, f.Send(ctx, nil))
				kit.Must(t, wait())
			})
		}
		kit.WantDeadline(t, "Next", func(ctx context.Context) error { _, err := s.Next(ctx, nil); return err })
		if _, err := s.Next(kit.Ended(t), nil); !errors.Is(err, context.Canceled) {
			t.Errorf("a context that is over: %v", err)
		}
	})
}

// A consumer of a lossy feed is told how many records it has missed and goes on with
// what is there; producers don't wait.
func TestFeedMissed(t *testing.T) {
	_, f := newTestFeed(t, 64, 0, true)
	s := subscribe(t, f)
	data := make([]byte, 8)
	send := func(from, n uint64) {
		for i := range n {
			binary.LittleEndian.PutUint64(data, from+i)
			publish(t, f, string(data))
		}
	}
	expected, sent := uint64(0), uint64(0)
	for n := range uint64(200) {
		send(sent, n)
		sent += n
		late := subscribe(t, f)
		missed := false
		for expected < sent {
			data, err := s.Next(bg, data[:0])
			var m *MissedError
			if errors.As(err, &m) {
				if missed || n < 28 {
					t.Fatalf("%v, of %d in a ring of 32", err, n)
				}
				expected += m.Records
				missed = true
				continue
			}
			kit.Must(t, err)
			if got := binary.LittleEndian.Uint64(data); got != expected {
				t.Fatalf("received %d, want %d", got, expected)
			}
			expected++
		}
		if !missed && n > 32 {
			t.Fatalf("%d of 32 were there", n)
		}
		noneLeft(t, s)
		noneLeft(t, late)
	}
	if _, err := s.Receive(bg); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Receive: %v", err)
	}
	if _, err := f.Reserve(bg, 1); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("Reserve: %v", err)
	}
}

// Positions and numbers come round in the memory.
func TestFeedPositionsComeRound(t *testing.T) {
	both(t, 64, func(t *testing.T, _ []string, f *Feed) {
		const first = 1<<32 - 200
		f.tail.v.Store(first)
		f.head.v.Store(first)
		f.starts[0].at.v.Store(first)
		f.starts[0].number.v.Store(1<<32 - 30)
		f.starting.v.Store(1<<32 - 4)
		s := subscribe(t, f)
		sleeps := subscribe(t, f)
		if !f.lossy {
			kit.Must(t, sleeps.Close())
		}
		for i := range 300 {
			publish(t, f, fmt.Sprint(i))
			next(t, s, fmt.Sprint(i))
		}
		if tail := f.tail.load(); tail > 1000 {
			t.Errorf("tail %d has not come round", tail)
		}
		if f.lossy {
			// As if it had slept until they were where they had been.
			sleeps.view.at = s.view.at - 1<<32
			sleeps.view.number = s.view.number - 1000
			var m *MissedError
			if _, _, err := sleeps.TryNext(nil); !errors.As(err, &m) || m.Records == 0 || m.Records > 1000 {
				t.Errorf("after 1<<32 units: %v", err)
			}
		}
	})
}

// A stopped producer holds up those who send, and nobody who receives.
func TestFeedWhileAProducerIsStopped(t *testing.T) {
	both(t, 64, func(t *testing.T, ids []string, f *Feed) {
		s := subscribe(t, f)
		publish(t, f, "before")
		p := sysvtest.Start(t, feedStopped, ids...)
		p.Expect("has it")
		kit.AwaitStopped(t, p.Cmd.Process.Pid)
		next(t, s, "before")
		kit.WantDeadline(t, "Send", func(ctx context.Context) error { return f.Send(ctx, nil) })
		p.Kill()
		publish(t, f, "after")
		next(t, s, "after")
	})
}

var feedStopped = sysvtest.Helper("feed producer stopped", func(args []string) error {
	f, err := joinFeedByIDs(args)
	if err != nil {
		return err
	}
	if err := f.producers.enter(bg); err != nil {
		return err
	}
	f.add(f.tail.load(), []byte("half a record"))
	fmt.Println("has it")
	kit.StopHere()
	return nil
})

// Two processes send as fast as they can. Each of two others, and of two goroutines here,
// receives what it is told that it has not missed, in the producers' orders.
func TestFeedUnderLoad(t *testing.T) {
	both(t, 1<<10, func(t *testing.T, ids []string, f *Feed) {
		var producers []*sysvtest.Process
		const producersN = 2
		var wg sync.WaitGroup
		var subs []*Subscription
		for range 2 {
			subs = append(subs, subscribe(t, f))
		}
		records := storm.Amount(20_000, 2_000_000)
		for i := range producersN {
			p := sysvtest.Start(t, feedCounting, append(ids, strconv.Itoa(i+1), strconv.Itoa(records))...)
			p.Expect("ready")
			producers = append(producers, p)
		}
		for _, s := range subs {
			wg.Go(func() {
				c := feedCount{}
				for {
					more, err := c.next(s)
					if err != nil {
						t.Error(err)
					}
					if !more || err != nil {
						break
					}
				}
				if c.received+c.missed != producersN*records || c.missed > 0 && !f.lossy {
					t.Errorf("%d received and %d missed of %d", c.received, c.missed, producersN*records)
				}
				t.Logf("%d received, %d missed", c.received, c.missed)
			})
		}
		for _, p := range producers {
			p.Send("go")
		}
		wg.Wait()
		for _, p := range producers {
			p.Finish()
		}
	})
}

// A feedCount checks what a consumer receives: a producer, its count, and bytes that
// are all alike.
type feedCount struct {
	received, missed int
	last             [8]uint32
	buf              []byte
}

func (c *feedCount) next(s *Subscription) (more bool, err error) {
	c.buf, err = s.Next(context.Background(), c.buf[:0])
	var m *MissedError
	switch {
	case err == io.EOF:
		return false, nil
	case errors.As(err, &m):
		c.missed += int(m.Records)
		return true, nil
	case err != nil:
		return false, err
	}
	c.received++
	b := c.buf
	if len(b) < 9 || int(b[0]) >= len(c.last) || bytes.Count(b[8:], b[8:9]) != len(b)-8 {
		return false, fmt.Errorf("a record of %d bytes that nobody sent: %v", len(b), b[:min(len(b), 20)])
	}
	n := binary.LittleEndian.Uint32(b[4:])
	if last := c.last[b[0]]; n != last+1 && (n <= last || !s.feed.lossy) {
		return false, fmt.Errorf("number %d of producer %d after %d", n, b[0], last)
	}
	c.last[b[0]] = n
	return true, nil
}

func countingRecord(b []byte, producer int, n uint32) []byte {
	b = b[:9+int(n*7)%60]
	b[0] = byte(producer)
	binary.LittleEndian.PutUint32(b[4:], n)
	for k := 8; k < len(b); k++ {
		b[k] = byte(n) + byte(producer)
	}
	return b
}

var feedCounting = sysvtest.Helper("feed counting", func(args []string) error {
	f, err := joinFeedByIDs(args)
	if err != nil {
		return err
	}
	v, err := kit.Numbers(args[1:])
	if err != nil {
		return err
	}
	f.begins()
	fmt.Println("ready")
	if _, err := os.Stdin.Read(make([]byte, 4)); err != nil {
		return err
	}
	producer, b := v[0], make([]byte, 100)
	for n := range uint32(v[1]) {
		if err := f.Send(bg, countingRecord(b, producer, n+1)); err != nil {
			return err
		}
	}
	return f.Finish()
})

func TestFeedAllocatesNothing(t *testing.T) {
	both(t, 1<<10, func(t *testing.T, _ []string, f *Feed) {
		s := subscribe(t, f)
		data, buf := []byte("data"), make([]byte, 0, 100)
		batch, records := [][]byte{data, data}, make([]FeedRecord, 4)
		if n := testing.AllocsPerRun(1000, func() {
			kit.Must(t, f.Send(bg, data))
			_, err := f.TrySend(data)
			kit.Must(t, err)
			_, err = f.SendBatch(bg, batch)
			kit.Must(t, err)
			for i := 0; i < 2 || f.lossy && i < 4; i++ {
				_, err = s.Next(bg, buf)
				kit.Must(t, err)
			}
			if f.lossy {
				return
			}
			r, err := s.Receive(bg)
			kit.Must(t, err)
			kit.Must(t, r.Done())
			k, err := s.ReceiveBatch(bg, records)
			kit.Must(t, err)
			kit.Must(t, s.DoneBatch(records[:k]))
		}); n != 0 {
			t.Errorf("%v allocations for 4 records", n)
		}
	})
}

// With -race this shows that the race detector is told: each goroutine has a membership
// of its own, so that they share nothing that Go knows of.
func TestFeedIsOrderedForTheRaceDetector(t *testing.T) {
	both(t, 64, func(t *testing.T, ids []string, a *Feed) {
		b := joinFeedHere(t, ids)
		s := subscribe(t, b)
		t.Run("Send", func(t *testing.T) {
			kit.WantOrder(t, func() error { return a.Send(bg, nil) }, func() { s.Next(bg, nil) })
		})
		if a.lossy {
			return
		}
		t.Run("Commit", func(t *testing.T) {
			kit.WantOrder(t, func() error {
				r, err := a.Reserve(bg, 0)
				if err != nil {
					return err
				}
				return r.Commit()
			}, func() { s.Next(bg, nil) })
		})
		for range 64 {
			publish(t, a, "")
		}
		t.Run("Done", func(t *testing.T) {
			kit.WantOrder(t, func() error { _, err := s.Next(bg, nil); return err }, func() { a.Send(bg, nil) })
		})
	})
}

// Any bytes in the segment give records, errors or nothing, but neither a fault nor a loop
// without end.
func TestFeedHostileContent(t *testing.T) {
	both(t, 64, func(t *testing.T, _ []string, f *Feed) {
		r := storm.Random(t)
		size := feedSize(len(f.cursors), 64, f.size)
		f.producing = f.producing[:64]
		words := unsafe.Slice((*word)(unsafe.Pointer(f.feedShared)), size/4)
		f.dead = func(word uint32) (bool, error) { return word%3 == 0, nil }
		// Of most words what may pass as good: small numbers, members, and what stands there.
		value := func() uint32 {
			switch r.IntN(4) {
			case 0:
				return r.Uint32()
			case 1:
				return uint32(r.IntN(20))
			case 2:
				return uint32(r.IntN(20)) << slotShift
			}
			return uint32(-r.IntN(70))
		}
		received := 0
		var s *Subscription
		for range storm.Amount(8_000, 1_000_000) {
			switch r.IntN(20) {
			case 0:
				for i := range words {
					words[i].v.Store(0)
				}
			case 1:
				for i := range words {
					words[i].v.Store(value())
				}
			case 2:
				s = nil
			}
			if s == nil {
				var err error
				if s, err = f.Subscribe(bg); err != nil {
					s = nil
				}
			}
			for range r.IntN(8) {
				words[r.IntN(len(words))].v.Store(value())
			}
			begin := time.Now()
			ctx, cancel := context.WithTimeout(context.Background(), 100*time.Microsecond)
			switch r.IntN(5) {
			case 0:
				f.SendBatch(ctx, [][]byte{make([]byte, r.IntN(100)), make([]byte, r.IntN(100))})
			case 1:
				if res, err := f.Reserve(ctx, r.IntN(100)); err == nil {
					clear(res.Bytes)
					res.Commit()
				}
			default:
				if s == nil {
					break
				}
				if data, err := s.Next(ctx, nil); err == nil {
					received++
					clear(data)
				}
				if rec, err := s.Receive(ctx); err == nil {
					received += bytes.Count(rec.Bytes, []byte{0}) & 1
					rec.Done()
				}
			}
			cancel()
			if took := time.Since(begin); took > 5*time.Second {
				t.Fatalf("a call took %v", took)
			}
		}
		t.Logf("feed: %d records out of nonsense", received)
	})
}

// joinFeedHere is joinFeedByIDs of the test's own process.
func joinFeedHere(t testing.TB, ids []string) *Feed {
	t.Helper()
	f, err := joinFeedByIDs(ids)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, f.group.Close()) })
	return f
}
