package counting

import (
	"fmt"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
)

// judge compares the counter with the sum. uncertain is how many processes
// died where they may or may not have done the first increment of two.
func (r *report) judge(uncertain uint64) {
	low := r.Sum + r.Halfway
	switch {
	case r.Sum == r.Expected && r.Counter >= low && r.Counter <= low+uncertain:
		r.Verified = true
		r.Halfway = r.Counter - r.Sum
		r.Verdict = fmt.Sprintf("verified: all %d increments are accounted for", r.Counter)
		if r.Halfway > 0 {
			r.Verdict += fmt.Sprintf(": %d by both counters, %d by the shared one alone", r.Sum, r.Halfway)
		}
	case r.Counter < low:
		r.Lost = low - r.Counter
		r.Verdict = fmt.Sprintf("LOST %d of %d updates: the shared counter is %d", r.Lost, low, r.Counter)
	default:
		r.Verdict = fmt.Sprintf("MISMATCH: the shared counter is %d, the processes counted %d and were to count %d", r.Counter, r.Sum, r.Expected)
	}
}

// headline says which objects the run had.
func (r *report) headline() string {
	s := fmt.Sprintf("segment %d, set %d, key %s, lock %s", r.Segment, r.Set, r.Key, r.Lock)
	if r.Group != nil {
		s += fmt.Sprintf(": segment %d, set %d", r.Group.Segment, r.Group.Set)
	}
	return s
}

// kept says how to look at what a run left behind, and how to remove it.
func (r *report) kept() string {
	what := fmt.Sprintf("segment %d and set %d", r.Segment, r.Set)
	look := fmt.Sprintf("ipcs -m -i %d; ipcs -s -i %d", r.Segment, r.Set)
	remove := fmt.Sprintf("ipcrm -m %d -s %d", r.Segment, r.Set)
	if g := r.Group; g != nil {
		what += fmt.Sprintf(", and the lock's segment %d and set %d", g.Segment, g.Set)
		look += fmt.Sprintf("; ipcs -m -i %d; ipcs -s -i %d", g.Segment, g.Set)
		remove += fmt.Sprintf(" -m %d -s %d", g.Segment, g.Set)
	}
	return fmt.Sprintf("kept %s\n  look:   %s\n  remove: %s\n", what, look, remove)
}

func (r *report) AddsUp() bool { return r.Verified }

func (r *report) Text() string {
	var rows []term.Performance
	for _, p := range r.Rows {
		rows = append(rows, term.Performance{Name: p.Name, PID: p.PID, Amount: p.Increments, Seconds: p.Seconds, Rate: p.Rate})
	}
	return term.Wrapped(r.headline()) + "\n\n" + term.Account("increments", rows, r.Notes, r.Verdict, r.Verified, r.Throughput)
}
