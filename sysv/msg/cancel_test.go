//go:build linux && !android

package msg_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
)

// A blocking call waits in a queue that is empty, or full.
type blocking struct {
	name string
	call func(context.Context) error
}

// full returns a queue with one message in it and no room for another.
func full(t testing.TB) *msg.Queue {
	q := newQueue(t)
	kit.Must(t, q.SetMaxBytes(1))
	kit.Must(t, q.Send(bg, 1, []byte("x")))
	return q
}

func blockingCalls(empty, full *msg.Queue) []blocking {
	buf := make([]byte, 64)
	return []blocking{
		{"Receive", func(ctx context.Context) error { _, err := empty.Receive(ctx, msg.Any, buf); return err }},
		{"Next", func(ctx context.Context) error { _, err := empty.Next(ctx, msg.Any); return err }},
		{"Send", func(ctx context.Context) error { return full.Send(ctx, 1, []byte("y")) }},
	}
}

// SYSVIPC_STORM=full makes it 10,000 cancellations. BenchmarkCancel measures.
func TestCancellationAtAnyMoment(t *testing.T) {
	r := storm.Random(t)
	rounds := storm.Amount(150, 10_000)
	empty, full := newQueue(t), full(t)
	for _, b := range blockingCalls(empty, full) {
		t.Run(b.name, func(t *testing.T) {
			var l kit.Latencies
			for range rounds {
				l.Cancel(t, r, b.call)
			}
			awaitBlocked(t, 0)
			l.Log(t)
		})
	}
	wantLeft(t, empty)
	wantLeft(t, full, "1 x")
}

// Where a message and the cancellation come at the same instant the call may go
// either way, but must say which: the message is with the receiver or in the
// queue.
func TestCancellationAgainstAMessage(t *testing.T) {
	r := storm.Random(t)
	rounds := storm.Amount(300, 10_000)
	q := newQueue(t)
	buf := make([]byte, 8)
	received := 0
	for round := range rounds {
		want := fmt.Sprintf("1 %d", round)
		sent := kit.AtMoment(r, func() { send(t, q, want) })
		var m msg.Message
		_, err := kit.CancelAfter(t, kit.Moment(r), func(ctx context.Context) (err error) {
			m, err = q.Receive(ctx, msg.Any, buf)
			return err
		})
		sent()
		switch {
		case err == nil:
			received++
			if text(m) != want {
				t.Fatalf("got %q, want %q", text(m), want)
			}
			wantLeft(t, q)
		case errors.Is(err, context.Canceled):
			wantLeft(t, q, want)
		default:
			t.Fatalf("error %v", err)
		}
	}
	t.Logf("%d of %d received", received, rounds)
}

// And where there comes to be room: the message is in the queue, or Send has
// said that it is not.
func TestCancellationAgainstRoom(t *testing.T) {
	r := storm.Random(t)
	rounds := storm.Amount(300, 10_000)
	q := full(t)
	sent := 0
	for range rounds {
		made := kit.AtMoment(r, func() {
			if m, ok, err := q.TryNext(msg.Type(1)); !ok || err != nil || text(m) != "1 x" {
				t.Errorf("%+v, %v, %v", m, ok, err)
			}
		})
		_, err := kit.CancelAfter(t, kit.Moment(r), func(ctx context.Context) error { return q.Send(ctx, 2, []byte("y")) })
		made()
		switch {
		case err == nil:
			sent++
			wantLeft(t, q, "2 y")
		case errors.Is(err, context.Canceled):
			wantLeft(t, q)
		default:
			t.Fatalf("error %v", err)
		}
		send(t, q, "1 x")
	}
	t.Logf("%d of %d sent", sent, rounds)
}

// mix sends and receives numbers in several goroutines at once, gives up at
// random moments, and returns how many it has sent and received, and their sums.
func mix(q *msg.Queue, seed uint64, rounds int) (t tally, err error) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, i))
		wg.Go(func() {
			for range rounds {
				done, e := mixOne(q, i%2 == 0, r)
				mu.Lock()
				t.add(done)
				err = errors.Join(err, e)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return t, err
}

// A tally counts messages and adds up the numbers in them.
type tally struct {
	sent, received       int
	sumSent, sumReceived uint64
}

func (t *tally) add(u tally) {
	t.sent += u.sent
	t.received += u.received
	t.sumSent += u.sumSent
	t.sumReceived += u.sumReceived
}

func mixOne(q *msg.Queue, sends bool, r *rand.Rand) (tally, error) {
	ctx, cancel := kit.Momentary(r)
	defer cancel()
	var done tally
	var err error
	if sends {
		n := r.Uint64()
		// Of several lengths, on the stack and in the pool.
		err = q.Send(ctx, 1+r.IntN(3), binary.BigEndian.AppendUint64(make([]byte, r.IntN(200)), n))
		done = tally{sent: 1, sumSent: n}
	} else {
		var m msg.Message
		m, err = q.Receive(ctx, msg.UpTo(1+r.IntN(3)), make([]byte, 208))
		if err == nil {
			done = tally{received: 1, sumReceived: binary.BigEndian.Uint64(m.Data[len(m.Data)-8:])}
		}
	}
	switch {
	case err == nil:
		return done, nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return tally{}, nil
	}
	return tally{}, err
}

var mixes = sysvtest.Helper("mixes", func(args []string) error {
	q, v, err := queueAndNumbers(args[:2])
	if err != nil {
		return err
	}
	seed, err := strconv.ParseUint(args[2], 10, 64)
	if err != nil {
		return err
	}
	t, err := mix(q, seed, v[0])
	fmt.Println(t.sent, t.received, t.sumSent, t.sumReceived)
	return err
})

func TestCancellationsLoseNoMessage(t *testing.T) {
	r := storm.Random(t)
	rounds := storm.Amount(100, 5000)
	q := newQueue(t)
	kit.Must(t, q.SetMaxBytes(1000)) // a few messages
	var ps []*sysvtest.Process
	for range 2 {
		ps = append(ps, sysvtest.Start(t, mixes, strconv.Itoa(q.ID()), strconv.Itoa(rounds), strconv.FormatUint(r.Uint64(), 10)))
	}
	all, err := mix(q, r.Uint64(), rounds)
	kit.Must(t, err)
	for _, p := range ps {
		var theirs tally
		_, err := fmt.Sscan(p.Line(), &theirs.sent, &theirs.received, &theirs.sumSent, &theirs.sumReceived)
		kit.Must(t, err)
		p.Finish()
		all.add(theirs)
	}
	t.Logf("%d of %d received", all.received, all.sent)
	for {
		m, ok, err := q.TryNext(msg.Any)
		kit.Must(t, err)
		if !ok {
			break
		}
		all.add(tally{received: 1, sumReceived: binary.BigEndian.Uint64(m.Data[len(m.Data)-8:])})
	}
	if all.sent != all.received || all.sumSent != all.sumReceived {
		t.Errorf("%+v: messages were lost, or came twice", all)
	}
}
