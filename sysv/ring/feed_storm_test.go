//go:build sysvipc_steps && linux && !android

package ring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sysvtest"
)

const (
	feedProducers = 3
	feedConsumers = 3
	feedNumbers   = 1 << 18
)

// A feedLedger says of each record whether it was sent: that Send, or Commit, has
// returned.
type feedLedger struct {
	tried [feedProducers]atomic.Uint32
	sent  [feedProducers][feedNumbers]atomic.Uint32
}

// A feedSeen is what a consumer has seen: the last of each producer.
type feedSeen struct {
	last             [feedProducers]uint32
	joined           [feedProducers]bool
	received, missed uint64
	ended            bool
}

// lastOfStorm is the record that is sent when it is over.
const lastOfStorm = "over"

// saw checks a record. What its producer has sent between this and the one before it
// was lost, unless that is what the consumer was told.
func (s *feedSeen) saw(l *feedLedger, b []byte, lossy bool) error {
	if string(b) == lastOfStorm {
		s.ended = true
		return nil
	}
	if len(b) < 12 || crc32.ChecksumIEEE(b[4:]) != binary.LittleEndian.Uint32(b) {
		return fmt.Errorf("%d bytes that nobody sent", len(b))
	}
	producer, number := binary.LittleEndian.Uint32(b[4:]), binary.LittleEndian.Uint32(b[8:])
	if s.joined[producer] {
		if number <= s.last[producer] {
			return fmt.Errorf("number %d of producer %d after %d", number, producer, s.last[producer])
		}
		for n := s.last[producer] + 1; n < number && !lossy; n++ {
			if l.sent[producer][n].Load() != 0 {
				return fmt.Errorf("number %d of producer %d was sent and not received: %d and then %d", n, producer, s.last[producer], number)
			}
		}
	}
	s.last[producer], s.joined[producer] = number, true
	s.received++
	return nil
}

// goOn receives one more record.
func (s *feedSeen) goOn(f *Subscription, l *feedLedger, buf []byte) error {
	var m *MissedError
	if f.feed.lossy || rand.IntN(2) == 0 {
		data, err := f.Next(bg, buf[:0])
		if errors.As(err, &m) && f.feed.lossy {
			s.missed += m.Records
			return nil
		}
		if err != nil {
			return err
		}
		return s.saw(l, data, f.feed.lossy)
	}
	r, err := f.Receive(bg)
	if err != nil {
		return err
	}
	if rand.IntN(3) == 0 { // two at a time, the second done first
		if other, ok, err := f.TryReceive(); ok && err == nil {
			if err := s.saw(l, r.Bytes, false); err != nil {
				return err
			}
			if err := s.saw(l, other.Bytes, false); err != nil {
				return err
			}
			return errors.Join(other.Done(), r.Done())
		}
	}
	if err := s.saw(l, r.Bytes, false); err != nil {
		return err
	}
	return r.Done()
}

// A feedMortal takes part until it dies. Its arguments are the feed's id, the
// ledger, what it is and after how many accesses it kills itself.
var feedMortal = sysvtest.Helper("feed mortal", func(args []string) error {
	each, copyingByWords = truly, false
	f, err := joinFeedByIDs(args)
	if err != nil {
		return err
	}
	l, err := attach[feedLedger](args[1])
	if err != nil {
		return err
	}
	who, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	if err := mortalSelf(args[3]); err != nil {
		return err
	}
	if who >= feedProducers {
		s, err := f.Subscribe(bg)
		if err != nil {
			return err
		}
		var seen feedSeen
		for buf := make([]byte, 4000); ; {
			if err := seen.goOn(s, l, buf); err != nil {
				return err
			}
			if seen.received%1000 == 0 { // and joins again
				if err := s.Close(); err != nil {
					return err
				}
				if s, err = f.Subscribe(bg); err != nil {
					return err
				}
				seen = feedSeen{}
			}
		}
	}
	for {
		number := l.tried[who].Add(1)
		if number >= feedNumbers {
			select {}
		}
		n := 12 + 4*rand.IntN(50)
		if rand.IntN(30) == 0 {
			n = 12 + 4*rand.IntN(700)
		}
		fill := func(b []byte) {
			for i := 12; i < n; i += 4 {
				binary.LittleEndian.PutUint32(b[i:], rand.Uint32())
			}
			binary.LittleEndian.PutUint32(b[4:], uint32(who))
			binary.LittleEndian.PutUint32(b[8:], number)
			binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:n]))
		}
		if f.lossy || rand.IntN(2) == 0 {
			b := make([]byte, n)
			fill(b)
			err = f.Send(bg, b)
		} else {
			var r FeedReservation
			if r, err = f.Reserve(bg, n); err == nil {
				fill(r.Bytes)
				err = r.Commit()
			}
		}
		if err != nil {
			return err
		}
		l.sent[who][number].Store(1)
	}
})

// Producers and consumers are killed, half of them at one of their own accesses, and others
// come in their places. One consumer lives: it gets everything.
func TestFeedStorm(t *testing.T) {
	for _, lossy := range []bool{false, true} {
		t.Run(fmt.Sprintf("lossy %v", lossy), func(t *testing.T) { feedStorm(t, lossy) })
	}
}

func feedStorm(t *testing.T, lossy bool) {
	r := storm.Random(t)
	unexplored()
	ids, f := newTestFeed(t, 1<<11, map[bool]int{false: 2 * (feedProducers + feedConsumers)}[lossy], lossy)
	ledgerID, l := share[feedLedger](t)
	s := subscribe(t, f)
	lives := 0
	c := newCrowd(t, r, feedProducers+feedConsumers, func(i int, after string) *exec.Cmd {
		lives++
		return sysvtest.Command(feedMortal, append(ids[:1:1], ledgerID, strconv.Itoa(i), after)...)
	})
	var seen feedSeen
	var failed atomic.Bool
	received := kit.Async(t, func() error {
		for buf := make([]byte, 4000); !seen.ended; {
			if err := seen.goOn(s, l, buf); err != nil {
				failed.Store(true)
				return err
			}
		}
		return nil
	})
	for range storm.Amount(30, 850) {
		if failed.Load() {
			break
		}
		c.replace(c.next())
	}
	c.stop()
	kit.Must(t, f.Send(kit.Patient(t), []byte(lastOfStorm)))
	kit.Must(t, received())
	sent, tried := uint64(0), uint64(0)
	for p := range feedProducers {
		for n := range l.tried[p].Load() + 1 {
			if n < feedNumbers && l.sent[p][n].Load() != 0 {
				sent++
				if n > seen.last[p] && !lossy {
					t.Fatalf("number %d of producer %d was sent and not received: %d was the last", n, p, seen.last[p])
				}
			}
		}
		tried += uint64(l.tried[p].Load())
	}
	if all := seen.received + seen.missed; all < sent || all > tried || seen.missed > 0 && !lossy {
		t.Errorf("%d received and %d missed of %d that were sent, or not, and %d that were", seen.received, seen.missed, tried, sent)
	}
	t.Logf("feed storm: %d processes; %d records sent, %d received and %d missed by the one who lived", lives, sent, seen.received, seen.missed)
}
