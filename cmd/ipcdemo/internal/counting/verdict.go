package counting

import (
	"fmt"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/cmd/ipcdemo/internal/term"
)

// report is what a process of a run found, and what --json prints.
type report struct {
	Key        string   `json:"key"`
	Segment    int      `json:"segment"`
	Set        int      `json:"set"`
	Lock       string   `json:"lock"`
	Group      *lockIDs `json:"group"` // of a fast lock, else null
	Rows       []row    `json:"processes"`
	Counter    uint64   `json:"counter"`    // the shared counter
	Sum        uint64   `json:"sum"`        // of what the processes counted for themselves
	Expected   uint64   `json:"expected"`   // increments that the survivors were to make and the others had made
	Lost       uint64   `json:"lost"`       // updates that other processes overwrote
	Halfway    uint64   `json:"halfway"`    // increments of the shared counter by processes that died before their own
	Takeovers  uint32   `json:"takeovers"`  // of a fast lock whose owner had died
	Seconds    float64  `json:"seconds"`    // from the opening of the gate until all had ended
	Throughput float64  `json:"throughput"` // increments per second
	Notes      []string `json:"notes"`      // what happened to whom
	Verdict    string   `json:"verdict"`
	Verified   bool     `json:"verified"`
}

// lockIDs are those of a fast lock's objects.
type lockIDs struct {
	Segment int `json:"segment"`
	Set     int `json:"set"`
}

// row is one process.
type row struct {
	Name       string  `json:"name"`
	PID        uint32  `json:"pid"`
	Increments uint32  `json:"increments"`
	Target     uint32  `json:"target"`
	Seconds    float64 `json:"seconds"`
	Rate       float64 `json:"rate"` // increments per second
	State      string  `json:"state"`
}

var stateNames = [...]string{
	children.Free:    "free",
	children.Present: "counting",
	children.Done:    "done",
	children.Left:    "left",
	children.Stopped: "killed",
	children.Dead:    "died",
}

// report makes up the account, for a run that took so long, or 0 for one that
// goes on. It must be called while nobody counts, or with
// the lock held: then everybody is outside of his critical section or dead.
func (b *board) report(elapsed time.Duration) *report {
	r := &report{
		Key:       b.seg.Key().String(),
		Segment:   b.seg.ID(),
		Set:       b.set.ID(),
		Lock:      locking(b.Locking).String(),
		Counter:   uint64(b.Counter.Load()),
		Takeovers: b.Takeovers.Load(),
		Seconds:   elapsed.Seconds(),
		Notes:     []string{},
	}
	if b.lockSeg != nil {
		r.Group = &lockIDs{b.lockSeg.ID(), b.lockSet.ID()}
	}
	uncertain := uint64(0) // died in an increment, nobody knows how far
	for i := range b.slots {
		s := &b.slots[i]
		state, step := s.State.Load(), s.Step.Load()
		if state == children.Free {
			continue
		}
		if state == children.Present && step != outside && locking(b.Locking) != lockNone {
			state = children.Dead // with the lock ours, nobody alive is inside
		}
		own, target := s.Own.Load(), s.Target.Load()
		name := b.name(i)
		r.Sum += uint64(own)
		if state == children.Done {
			r.Expected += uint64(target)
		} else {
			r.Expected += uint64(own)
		}
		switch {
		case state == children.Stopped:
			r.Notes = append(r.Notes, fmt.Sprintf("%s (pid %d) was killed after %d increments, %s", name, s.PID.Load(), own, children.NameOf(stepNames[:], step)))
			if step == between {
				r.Halfway++
				r.Notes = append(r.Notes, fmt.Sprintf("%s made one more increment of the shared counter, and died before its own", name))
			}
		case state == children.Dead:
			r.Notes = append(r.Notes, fmt.Sprintf("%s (pid %d) died after %d increments, %s", name, s.PID.Load(), own, children.NameOf(stepNames[:], step)))
			if step == locked || step == between {
				uncertain++
			}
		case state == children.Left:
			r.Notes = append(r.Notes, fmt.Sprintf("%s (pid %d) left after %d of %d increments", name, s.PID.Load(), own, target))
		}
		r.Rows = append(r.Rows, row{
			Name:       name,
			PID:        s.PID.Load(),
			Increments: own,
			Target:     target,
			Seconds:    s.Seconds(state),
			Rate:       children.Rate(uint64(own), s.Seconds(state)),
			State:      children.NameOf(stateNames[:], state),
		})
	}
	if r.Takeovers > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("takeovers: %d (each time the lock told its next owner that the last one had died)", r.Takeovers))
	}
	r.Throughput = children.Rate(r.Sum, r.Seconds)
	r.judge(uncertain)
	return r
}

// name is what a slot's process is called.
func (b *board) name(i int) string {
	if i < int(b.Children) {
		return fmt.Sprintf("child %d", i)
	}
	return fmt.Sprintf("joiner %d", i-int(b.Children))
}

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
	return r.headline() + "\n\n" + term.Account("increments", rows, append(r.Notes, r.Verdict), r.Throughput)
}
