//go:build linux && !android

package counting

import (
	"strings"
	"testing"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
)

// TestReport: what each end of two processes means for the account.
func TestReport(t *testing.T) {
	type end struct{ state, step, own uint32 }
	for _, tt := range []struct {
		name     string
		ends     [2]end
		counter  uint32
		verified bool
		halfway  uint64
		lost     uint64
		says     string
	}{
		{"all well", [2]end{{children.Done, outside, 10}, {children.Done, outside, 10}}, 20, true, 0, 0, "all 20 increments"},
		{"one lost", [2]end{{children.Done, outside, 10}, {children.Done, outside, 10}}, 19, false, 0, 1, "LOST 1 of 20"},
		{"one too many", [2]end{{children.Done, outside, 10}, {children.Done, outside, 10}}, 21, false, 0, 0, "MISMATCH"},
		{"one not counted", [2]end{{children.Done, outside, 9}, {children.Done, outside, 10}}, 19, false, 0, 0, "MISMATCH"},
		{"killed before both", [2]end{{children.Stopped, locked, 5}, {children.Done, outside, 10}}, 15, true, 0, 0, "all 15"},
		{"killed between", [2]end{{children.Stopped, between, 5}, {children.Done, outside, 10}}, 16, true, 1, 0, "15 by both counters, 1 by the shared one"},
		{"killed between, its one lost", [2]end{{children.Stopped, between, 5}, {children.Done, outside, 10}}, 15, false, 1, 1, "LOST 1 of 16"},
		{"killed after both", [2]end{{children.Stopped, both, 6}, {children.Done, outside, 10}}, 16, true, 0, 0, "all 16"},
		{"died at an unknown point of an increment, before", [2]end{{children.Dead, locked, 5}, {children.Done, outside, 10}}, 15, true, 0, 0, "all 15"},
		{"died at an unknown point of an increment, within", [2]end{{children.Dead, locked, 5}, {children.Done, outside, 10}}, 16, true, 1, 0, "1 by the shared one"},
		{"died at an unknown point, two more", [2]end{{children.Dead, between, 5}, {children.Done, outside, 10}}, 17, false, 0, 0, "MISMATCH"},
		{"died outside, one more", [2]end{{children.Dead, outside, 5}, {children.Done, outside, 10}}, 16, false, 0, 0, "MISMATCH"},
		{"died and nobody has noticed yet", [2]end{{children.Present, locked, 5}, {children.Done, outside, 10}}, 16, true, 1, 0, "1 by the shared one"},
		{"still counting", [2]end{{children.Present, outside, 5}, {children.Done, outside, 10}}, 15, true, 0, 0, "all 15"},
		{"left", [2]end{{children.Left, outside, 5}, {children.Done, outside, 10}}, 15, true, 0, 0, "all 15"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBoard(t)
			b.Counter.Store(tt.counter)
			for i, e := range tt.ends {
				s := &b.slots[i]
				s.Target.Store(10)
				s.Own.Store(e.own)
				s.Step.Store(e.step)
				s.State.Store(e.state)
			}
			r := b.report(0)
			if r.Verified != tt.verified || r.Halfway != tt.halfway || r.Lost != tt.lost || !strings.Contains(r.Verdict, tt.says) {
				t.Errorf("verified %v, %d halfway, %d lost, %q; want %v, %d, %d, %q",
					r.Verified, r.Halfway, r.Lost, r.Verdict, tt.verified, tt.halfway, tt.lost, tt.says)
			}
		})
	}
}
