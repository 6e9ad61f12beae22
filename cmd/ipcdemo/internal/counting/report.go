package counting

import (
	"context"
	"fmt"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
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
	Seconds    float64  `json:"seconds"`    // from the first increment to the last
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
	if span := children.Span(b.slots); r.Seconds > 0 && span > 0 {
		r.Seconds = span
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

// snapshot reports what all have counted so far, in a run that took so long or
// goes on.
func (b *board) snapshot(ctx context.Context, elapsed time.Duration) (*report, error) {
	l := b.guard()
	if err := l.Lock(ctx); err != nil {
		return nil, err
	}
	r := b.report(elapsed)
	return r, l.Unlock()
}
