//go:build linux && !android

package messages

import (
	"strings"
	"testing"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
)

func newTestLedger(t *testing.T, p plan) *ledger {
	t.Helper()
	l, err := newLedger(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.mem.Detach(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// TestShares: the shares of the producers follow one another and are all messages.
func TestShares(t *testing.T) {
	for _, p := range []plan{
		{Producers: 1, Consumers: 1, Messages: 1, Size: 8},
		{Producers: 3, Consumers: 1, Messages: 100, Size: 8},
		{Producers: 7, Consumers: 1, Messages: 5, Size: 8},
		{Producers: 999, Consumers: 1, Messages: maxMessages, Size: 8},
	} {
		next := uint32(0)
		for i := range int(p.Producers) {
			if p.first(i) != next {
				t.Errorf("%+v: the share of producer %d begins at %d, want %d", p, i, p.first(i), next)
			}
			next += p.share(i)
		}
		if next != p.Messages {
			t.Errorf("%+v: the shares are %d messages", p, next)
		}
	}
}

// TestLedger: what consumers got, in which order, and what the verdict is.
func TestLedger(t *testing.T) {
	type got struct {
		consumer, producer int
		n                  uint32
	}
	in := func(consumer, producer int, numbers ...uint32) (all []got) {
		for _, n := range numbers {
			all = append(all, got{consumer, producer, n})
		}
		return all
	}
	for _, tt := range []struct {
		name  string
		sent  [2]uint32
		got   [][]got
		tells []string // the verdict and the notes
	}{
		{"all", [2]uint32{4, 3}, [][]got{in(0, 0, 0, 2), in(1, 0, 1, 3), in(0, 1, 0, 1, 2)},
			[]string{"verified: all 7 messages arrived, each once and in its producer's order"}},
		{"one consumer is ahead of the other", [2]uint32{4, 3}, [][]got{in(1, 0, 1, 3), in(0, 0, 0, 2), in(1, 1, 0, 1, 2)},
			[]string{"verified: all 7 messages arrived, each once and in its producer's order"}},
		{"a producer sent less", [2]uint32{2, 3}, [][]got{in(0, 0, 0, 1), in(0, 1, 0, 1, 2)},
			[]string{"verified: of 7 messages 5 were sent, which arrived, each once and in its producer's order"}},
		{"lost", [2]uint32{4, 3}, [][]got{in(0, 0, 1), in(1, 1, 0, 1)},
			[]string{"LOST 4 of 7 messages", "lost of producer 0: 0, 2-3", "lost of producer 1: 2"}},
		{"twice at one consumer", [2]uint32{4, 3}, [][]got{in(0, 0, 0, 1, 1, 2, 3, 3), in(0, 1, 0, 1, 2)},
			[]string{"DUPLICATES: 2", "consumer 0 got 2 of producer 0 that had arrived before, first 1"}},
		{"at both", [2]uint32{4, 3}, [][]got{in(0, 0, 0, 1, 2, 3), in(1, 0, 2), in(0, 1, 0, 1, 2)},
			[]string{"DUPLICATES: 1", "consumer 1 got 1 of producer 0 that had arrived before, first 2"}},
		{"out of order", [2]uint32{4, 3}, [][]got{in(0, 0, 0, 3, 1, 2), in(0, 1, 0, 1, 2)},
			[]string{"OUT OF ORDER: 2", "consumer 0 got 2 of producer 0 out of order, first 1 after 3"}},
		{"everything", [2]uint32{4, 3}, [][]got{in(0, 0, 3, 0, 0), in(0, 1, 0, 1, 2, 3)},
			[]string{"LOST 2 of 7 messages, DUPLICATES: 1, OUT OF ORDER: 1, FOREIGN: 1", "lost of producer 0: 1-2",
				"consumer 0 got 1 of producer 0 that had arrived before, first 0",
				"consumer 0 got 1 of producer 0 out of order, first 0 after 3", "consumer 0 got 1 that no producer sent"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newExchange(t, plan{Producers: 2, Consumers: 2, Messages: 7, Size: 20, Through: throughMessages})
			l := x.ledger
			for i, n := range tt.sent {
				l.slots[i].Own.Store(n)
			}
			buf := make([]byte, l.Size)
			for _, all := range tt.got {
				for _, g := range all {
					l.write(buf, g.producer, g.n)
					l.note(g.consumer, record{data: buf})
				}
			}
			r := x.report(0)
			told := append([]string{r.Verdict}, r.Notes...)
			if strings.Join(told, "\n") != strings.Join(tt.tells, "\n") {
				t.Errorf("told\n%s\nwant\n%s", strings.Join(told, "\n"), strings.Join(tt.tells, "\n"))
			}
			if want := strings.HasPrefix(r.Verdict, "verified"); r.Verified != want {
				t.Errorf("verified is %v", r.Verified)
			}
		})
	}
}

// TestKilled: what consumers were killed with is lost through messages, one for each, and
// given again through a ring; and nothing else is forgiven, or what was not asked for.
func TestKilled(t *testing.T) {
	type got struct {
		consumer int
		n        uint32
		attempts int
	}
	all := []got{{1, 0, 0}, {1, 1, 0}, {2, 2, 0}, {2, 3, 0}, {2, 4, 0}, {2, 5, 0}, {2, 6, 0}, {2, 7, 0}, {2, 8, 0}}
	const arrived = ", each once and in its producer's order"
	for _, tt := range []struct {
		name    string
		through through
		kill    uint32
		got     []got
		says    string
	}{
		{"lost with their consumers", throughMessages, 3, all[2:],
			"verified: of 10 messages 9 were sent and 7 arrived" + arrived + "; 2 died with 2 killed consumers: a queue forgets what it has delivered"},
		{"one of them had written it down", throughMessages, 3, all[1:],
			"verified: of 10 messages 9 were sent and 8 arrived" + arrived + "; 1 died with 2 killed consumers: a queue forgets what it has delivered"},
		{"more is lost", throughMessages, 3, all[3:], "LOST 3 of 9 messages"},
		{"given again by a queue", throughMessages, 3, append(all[:9:9], got{2, 0, 1}), "GIVEN AGAIN: 1, after 0 deaths"},
		{"not all were killed", throughMessages, 4, all, "KILLED 3 of 4"},
		{"given again", throughRing, 3, append([]got{{2, 0, 1}, {2, 1, 1}}, all[2:]...),
			"verified: of 10 records 9 were sent, which arrived, each once, but for 2 that dead consumers had, which were given again: 0 of them had been written down"},
		{"after it was written down", throughRing, 3, append(all[:9:9], got{2, 1, 1}),
			"verified: of 10 records 9 were sent, which arrived, each once, but for 1 that dead consumers had, which were given again: 1 of them had been written down"},
		{"lost by a ring", throughRing, 3, all[1:], "LOST 1 of 9 records"},
		{"more are given again than died", throughRing, 3, append(all[:9:9], got{2, 1, 1}, got{2, 1, 2}, got{2, 5, 1}), "GIVEN AGAIN: 3, after 2 deaths"},
		{"again for no reason", throughRing, 3, append(all[:9:9], got{2, 1, 0}), "DUPLICATES: 1"},
		{"not sent", throughRing, 3, append(all[:9:9], got{2, 9, 0}), "FOREIGN: 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			x := newExchange(t, plan{Producers: 1, Consumers: 3, Messages: 10, Size: 20, Through: tt.through, Kill: tt.kill})
			l := x.ledger
			l.slots[0].Own.Store(9)
			l.slots[0].Step.Store(sending)
			for i := range 3 {
				l.slots[i].State.Store(children.Stopped) // two of them consumers
			}
			buf := make([]byte, l.Size)
			for _, g := range tt.got {
				l.write(buf, 0, g.n)
				l.note(g.consumer, record{buf, g.attempts})
			}
			if r := x.report(0); r.Verdict != tt.says || r.Verified != strings.HasPrefix(tt.says, "verified") {
				t.Errorf("%q, %v, want %q", r.Verdict, r.Verified, tt.says)
			}
		})
	}
}

// TestVictims: as many are to be killed as was said, and never all producers or all
// consumers; each comes to its point, whoever has died before.
func TestVictims(t *testing.T) {
	for producers := uint32(1); producers < 6; producers++ {
		for consumers := uint32(1); consumers < 6; consumers++ {
			for kill := range producers + consumers - 1 {
				p := plan{Producers: producers, Consumers: consumers, Kill: kill, Messages: leastToKill * (producers + consumers)}
				var victims [2]uint32
				var sent, received uint32
				for i := range p.workers() {
					stop := p.stopPoint(i)
					victim := stop != children.StopPoint{}
					switch {
					case i >= int(producers):
						received += p.halfway()
						if victim {
							victims[1]++
							received++
						}
					case victim:
						victims[0]++
						sent += stop.At
					default:
						sent += p.share(i)
					}
				}
				if victims[0]+victims[1] != kill || victims[0] == producers || victims[1] == consumers {
					t.Errorf("%+v: %d are to be killed", p, victims)
				}
				if sent < received {
					t.Errorf("%+v: %d are sent, consumers need %d", p, sent, received)
				}
			}
		}
	}
}

// TestDiedSending: whether a producer's last message was sent, who died before
// it could tell, only its arrival shows.
func TestDiedSending(t *testing.T) {
	x := newExchange(t, plan{Producers: 1, Consumers: 1, Messages: 4, Size: 8, Through: throughMessages})
	l := x.ledger
	buf := make([]byte, l.Size)
	note := func(n uint32) {
		l.write(buf, 0, n)
		l.note(0, record{data: buf})
	}
	l.slots[0].Own.Store(1)
	l.slots[0].Step.Store(sending)
	note(0)
	if r := x.report(0); r.Sent != 1 || r.Lost != 0 {
		t.Errorf("%d sent, %d lost; want 1, 0", r.Sent, r.Lost)
	}
	note(1)
	if r := x.report(0); r.Sent != 2 || r.Received != 2 || r.Lost != 0 {
		t.Errorf("%d sent, %d received, %d lost; want 2, 2, 0", r.Sent, r.Received, r.Lost)
	}
}

// TestReadRefuses: no record that differs from what a producer sends in any byte is
// taken for a producer's.
func TestReadRefuses(t *testing.T) {
	l := newTestLedger(t, plan{Producers: 2, Consumers: 1, Messages: 9, Size: 30})
	buf := make([]byte, l.Size)
	l.write(buf, 1, 3)
	if p, n, ok := l.read(buf); p != 1 || n != 3 || !ok {
		t.Fatalf("read %d, %d, %v; want 1, 3, true", p, n, ok)
	}
	for _, data := range [][]byte{nil, buf[:4], buf[:29], append(buf[:30:30], 0)} {
		if _, _, ok := l.read(data); ok {
			t.Errorf("%d bytes were taken for a producer's", len(data))
		}
	}
	for i := range buf {
		buf[i] ^= 0x80
		if _, _, ok := l.read(buf); ok {
			t.Errorf("changed at %d it was taken for a producer's", i)
		}
		buf[i] ^= 0x80
	}
}

// TestTypeRefused: nor is a message of another type, or one that was cut.
func TestTypeRefused(t *testing.T) {
	c := &messages{plan: &plan{Producers: 2, Consumers: 1, Messages: 9, Size: 8}}
	buf := []byte{1, 0, 0, 0, 3, 0, 0, 0}
	if !c.ofProducer(msg.Message{Type: 2, Data: buf}) {
		t.Error("a producer's is refused")
	}
	for _, m := range []msg.Message{{Type: 1, Data: buf}, {Type: 3, Data: buf}, {Type: -1, Data: buf}, {Type: 2, Data: buf, Truncated: true}, {Type: 2}} {
		if c.ofProducer(m) {
			t.Errorf("%+v was taken for a producer's", m)
		}
	}
}

func TestNumbers(t *testing.T) {
	var r numbers
	for _, n := range []uint32{1, 2, 3, 7, 9, 10, 20, 30, 40, 41, 42} {
		r.add(n)
	}
	if want := "1-3, 7, 9-10, 20, 30 and 3 more"; r.String() != want || r.count() != 11 {
		t.Errorf("%q, %d; want %q, 11", r, r.count(), want)
	}
}

func newExchange(t *testing.T, p plan) *exchange {
	t.Helper()
	x, err := createExchange(sysv.RandomKey(), p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := x.remove(); err != nil {
			t.Error(err)
		}
	})
	return x
}
