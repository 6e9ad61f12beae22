//go:build linux && !android

package messages

import (
	"strings"
	"testing"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/sysv"
)

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
