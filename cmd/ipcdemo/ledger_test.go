//go:build linux && !android

package main

import (
	"strings"
	"testing"

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
			x := newExchange(t, plan{Producers: 2, Consumers: 2, Messages: 7, Size: 20})
			l := x.ledger
			for i, n := range tt.sent {
				l.slots[i].Own.Store(n)
			}
			buf := make([]byte, l.Size)
			for _, all := range tt.got {
				for _, g := range all {
					l.write(buf, g.producer, g.n)
					l.note(g.consumer, msg.Message{Type: g.producer + 1, Data: buf})
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

// TestDiedSending: whether a producer's last message was sent, who died before
// it could tell, only its arrival shows.
func TestDiedSending(t *testing.T) {
	x := newExchange(t, plan{Producers: 1, Consumers: 1, Messages: 4, Size: 8})
	l := x.ledger
	buf := make([]byte, l.Size)
	note := func(n uint32) {
		l.write(buf, 0, n)
		l.note(0, msg.Message{Type: 1, Data: buf})
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

// TestReadRefuses: no message that differs from what a producer sends in its
// type or any byte is taken for a producer's.
func TestReadRefuses(t *testing.T) {
	l := newTestLedger(t, plan{Producers: 2, Consumers: 1, Messages: 9, Size: 30})
	buf := make([]byte, l.Size)
	l.write(buf, 1, 3)
	if p, n, ok := l.read(msg.Message{Type: 2, Data: buf}); p != 1 || n != 3 || !ok {
		t.Fatalf("read %d, %d, %v; want 1, 3, true", p, n, ok)
	}
	for _, m := range []msg.Message{
		{Type: 1, Data: buf},
		{Type: 3, Data: buf},
		{Type: -1, Data: buf},
		{Type: 2, Data: buf, Truncated: true},
		{Type: 2, Data: buf[:29]},
		{Type: 2},
	} {
		if _, _, ok := l.read(m); ok {
			t.Errorf("%+v was taken for a producer's", m)
		}
	}
	for i := range buf {
		buf[i] ^= 0x80
		if _, _, ok := l.read(msg.Message{Type: 2, Data: buf}); ok {
			t.Errorf("changed at %d it was taken for a producer's", i)
		}
		buf[i] ^= 0x80
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
