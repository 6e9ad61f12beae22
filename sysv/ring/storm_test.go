//go:build linux && !android

package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sysvtest"
)

const (
	stormProducers = 3
	stormConsumers = 3
	mostNumbers    = 1 << 21
	wasSent        = 1 << 30
	wasDone        = 1 << 31
	deliveries     = 1<<16 - 1
)

// A ledger has a word for each record: how often it was delivered, and whether Send
// and Done have returned.
type ledger struct {
	tried   [stormProducers]atomic.Uint32
	stop    atomic.Uint32
	faults  atomic.Uint32
	numbers [stormProducers][mostNumbers]atomic.Uint32
}

// lengthOf is how many bytes a record has. Some are longer than what is copied under
// the mutex.
func lengthOf(producer int, number uint32) int {
	h := (number*uint32(stormProducers) + uint32(producer)) * 0x9e3779b1 >> 8
	if h%30 == 0 {
		return 8 + int(h%3000)
	}
	return 8 + int(h%200)
}

func byteOf(producer int, number uint32, i int) byte {
	return byte(number>>8) + byte(number)*31 + byte(producer)*101 + byte(i)*7
}

// write fills in a record, of which every byte tells whose and which it is.
func write(b []byte, producer int, number uint32) {
	binary.LittleEndian.PutUint32(b, uint32(producer))
	binary.LittleEndian.PutUint32(b[4:], number)
	for i := 8; i < len(b); i++ {
		b[i] = byteOf(producer, number, i)
	}
}

func record1(producer int, number uint32) []byte {
	b := make([]byte, lengthOf(producer, number))
	write(b, producer, number)
	return b
}

// received checks a record and writes down that it came.
func (l *ledger) received(r *Record) (*atomic.Uint32, error) {
	b := r.Bytes
	if len(b) < 8 {
		return nil, fmt.Errorf("a record of %d bytes", len(b))
	}
	producer, number := int(binary.LittleEndian.Uint32(b)), binary.LittleEndian.Uint32(b[4:])
	if producer >= stormProducers || number >= mostNumbers || len(b) != lengthOf(producer, number) {
		return nil, fmt.Errorf("what nobody sent: number %d of producer %d, %d bytes", number, producer, len(b))
	}
	for i := 8; i < len(b); i++ {
		if b[i] != byteOf(producer, number, i) {
			return nil, fmt.Errorf("number %d of producer %d: byte %d of %d is %#x", number, producer, i, len(b), b[i])
		}
	}
	w := &l.numbers[producer][number]
	v := w.Add(1)
	if v&wasDone != 0 {
		return nil, fmt.Errorf("%d of producer %d delivered after Done, attempts %d", number, producer, r.Attempts)
	}
	if n := int(v & deliveries); n > r.Attempts+1 {
		return nil, fmt.Errorf("%d of producer %d delivered %d times, attempts %d", number, producer, n, r.Attempts)
	}
	return w, nil
}

// A mortal takes part until it dies. Its arguments are the queue's ids, the ledger, what it is and after how many accesses it kills itself.
var mortal = sysvtest.Helper("mortal", func(args []string) error {
	v, err := kit.Numbers(args[3:])
	if err != nil {
		return err
	}
	who, after := v[0], v[1]
	q, err := joinByIDs(args)
	if err != nil {
		return err
	}
	q.limit = 0
	l, err := attach[ledger](args[1])
	if err != nil {
		return err
	}
	go func() { // the test's end is this one's
		os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}()
	if after > 0 {
		killAfter(int64(after))
	} else {
		time.AfterFunc(time.Duration(rand.IntN(30_000_000)), func() { syscall.Kill(os.Getpid(), syscall.SIGKILL) })
	}
	if args[2] == "produces" {
		return l.produce(q, who)
	}
	if err = l.consume(q); err != nil {
		l.faults.Add(1)
		err = fmt.Errorf("%w: %s", err, q.dump())
	}
	return err
})

func (l *ledger) produce(q *Queue, who int) (err error) {
	for l.stop.Load() == 0 {
		numbers := []uint32{l.tried[who].Add(1)}
		how := rand.IntN(3)
		for how == 0 && len(numbers) < 5 {
			numbers = append(numbers, l.tried[who].Add(1))
		}
		if numbers[len(numbers)-1] >= mostNumbers {
			return errors.New("the ledger is full")
		}
		switch first := numbers[0]; how {
		case 0:
			var records [][]byte
			for _, n := range numbers {
				records = append(records, record1(who, n))
			}
			_, err = q.SendBatch(bg, records)
		case 1:
			err = q.Send(bg, record1(who, first))
		case 2:
			var r Reservation
			if r, err = q.Reserve(bg, lengthOf(who, first)); err == nil {
				write(r.Bytes, who, first)
				err = r.Commit()
			}
		}
		if err != nil {
			return err
		}
		for _, n := range numbers {
			l.numbers[who][n].Or(wasSent)
		}
	}
	select {}
}

func (l *ledger) consume(q *Queue) error {
	for {
		buf := make([]Record, 1+rand.IntN(4))
		n, err := q.ReceiveBatch(bg, buf)
		if err != nil {
			return err
		}
		words := make([]*atomic.Uint32, n)
		for i := range words {
			if words[i], err = l.received(&buf[i]); err != nil {
				return err
			}
		}
		if rand.IntN(20) == 0 {
			i := rand.IntN(n)
			err := buf[i].Requeue(bg)
			switch {
			case err == nil:
				words[i] = nil
				buf = append(buf[:i], buf[i+1:n]...)
				n--
			case !errors.Is(err, syscall.EAGAIN):
				return err
			}
		}
		if rand.IntN(2) == 0 {
			rand.Shuffle(n, func(i, j int) { buf[i], buf[j] = buf[j], buf[i] })
			for i := range buf[:n] {
				err = errors.Join(err, buf[i].Done())
			}
		} else {
			err = q.DoneBatch(buf[:n])
		}
		if err != nil {
			return err
		}
		for _, w := range words {
			if w != nil {
				w.Or(wasDone)
			}
		}
	}
}

// A life is a mortal that runs.
type life struct {
	*exec.Cmd
	over chan struct{}
}

func begin(t *testing.T, args ...string) *life {
	t.Helper()
	p := &life{sysvtest.Command(mortal, args...), make(chan struct{})}
	p.Stderr = os.Stderr
	_, err := p.StdinPipe()
	kit.Must(t, err)
	kit.Must(t, p.Start())
	go func() {
		p.Wait()
		close(p.over)
	}()
	return p
}

func (p *life) end() {
	p.Process.Kill()
	<-p.over
}

// Producers and consumers kill themselves at any moment, or, with the build tag
// sysvipc_steps, half of them at their n-th access to what is shared, and others come in
// their place. No record is lost, none is another than was sent, and none comes again
// but after a death or Requeue, or after Done.
func TestStorm(t *testing.T) {
	unexplored()
	r := storm.Random(t)
	ids, q := newQueue(t, 1<<11)
	q.limit = 0 // what is set aside nobody would get
	ledgerID, l := share[ledger](t)
	var mortals [stormProducers + stormConsumers]*life
	ends := make(chan int, len(mortals))
	start := func(i int) {
		what, who := "produces", i
		if i >= stormProducers {
			what, who = "consumes", i-stormProducers
		}
		after := 0
		if exploring && r.IntN(2) == 0 {
			after = 1 + r.IntN(20000)
		}
		p := begin(t, ids[0], ledgerID, what, strconv.Itoa(who), strconv.Itoa(after))
		mortals[i] = p
		go func() {
			<-p.over
			ends <- i
		}()
	}
	t.Cleanup(func() {
		for _, p := range mortals {
			p.end()
		}
	})
	for i := range mortals {
		start(i)
	}
	deaths := storm.Amount(20, 5000)
	for n := range deaths {
		var i int // whoever has died: if all consumers have, no producer goes on
		select {
		case i = <-ends:
		case <-time.After(20 * time.Second):
			t.Fatalf("after %d deaths nobody dies any more: %s", n, q.dump())
		}
		if st := mortals[i].ProcessState.Sys().(syscall.WaitStatus); !st.Signaled() || l.faults.Load() != 0 {
			t.Fatalf("a fault, after %d deaths: %s", n, q.dump())
		}
		start(i)
	}
	l.stop.Store(1)
	for _, p := range mortals {
		p.end()
	}
	for idle := 0; idle < 10; {
		rec, ok, err := q.TryReceive()
		kit.Must(t, err)
		if !ok {
			idle++
			q.looks.last.Store(0) // to look for the dead at once
			continue
		}
		w, err := l.received(&rec)
		kit.Must(t, err)
		kit.Must(t, rec.Done())
		w.Or(wasDone)
	}
	l.check(t, q, deaths)
}

// check tells what became of all that was sent.
func (l *ledger) check(t *testing.T, q *Queue, deaths int) {
	sent, again, lost := 0, 0, 0
	for p := range stormProducers {
		for number := range min(l.tried[p].Load()+1, mostNumbers) {
			v := l.numbers[p][number].Load()
			if v&wasSent != 0 {
				sent++
				if v&deliveries == 0 {
					lost++
				}
			}
			if n := v & deliveries; n > 1 {
				again += int(n) - 1
			}
		}
	}
	t.Logf("ring storm: %d deaths; %d records sent, %d delivered again", deaths, sent, again)
	if lost > 0 {
		t.Errorf("%d of %d records were lost: %s", lost, sent, q.dump())
	}
}

func (q *Queue) dump() string {
	s := q.shared
	out := fmt.Sprintf("tail %d read %d head %d moves %d op %d", s.tail.v.Load(), s.read.v.Load(), s.head.v.Load(), s.moves.v.Load(), s.journal.op.v.Load())
	for i := range q.cells {
		c := &q.cells[i]
		if o := c.owner.v.Load(); o != 0 {
			dead, _ := q.dead(o)
			out += fmt.Sprintf(" [%d: %#x dead %v base %d to %d from %d given %#x alone %d]", i, o, dead, c.base.v.Load(), c.to.v.Load(), c.from.v.Load(), c.given.v.Load(), c.alone.v.Load())
		}
	}
	return out
}
