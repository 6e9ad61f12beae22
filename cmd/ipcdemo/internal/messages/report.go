package messages

import (
	"fmt"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
)

// queueReport is what came of a queue run, and what --json prints.
type queueReport struct {
	Key        string     `json:"key"`
	Through    string     `json:"through"` // messages or ring
	Queue      int        `json:"queue"`   // or the ring's segment
	Set        int        `json:"set"`
	Size       uint32     `json:"size"` // bytes in a message
	Rows       []queueRow `json:"processes"`
	Messages   uint32     `json:"messages"`   // that were to be sent
	Sent       uint64     `json:"sent"`       // as far as the producers know
	Received   uint64     `json:"received"`   // different messages of the producers
	Lost       uint64     `json:"lost"`       // sent and not received
	Killed     uint64     `json:"killed"`     // processes, as was asked for
	Given      uint64     `json:"given"`      // received that had been given to a consumer before, which had died
	Noted      uint64     `json:"noted"`      // and of those, what that consumer had written down
	Again      uint64     `json:"duplicates"` // received once more, without such a reason
	Late       uint64     `json:"disordered"` // received by a consumer after a later one of the same producer
	Foreign    uint64     `json:"foreign"`    // received, but of no producer
	Seconds    float64    `json:"seconds"`    // from when the first began until the last had ended
	Throughput float64    `json:"throughput"` // messages received per second
	Notes      []string   `json:"notes"`      // what happened to whom
	Verdict    string     `json:"verdict"`
	Verified   bool       `json:"verified"`

	kind      *kind
	kill      uint32 // processes that were to be killed
	consumers uint32
	deaths    struct{ killed, others uint64 } // of consumers
}

// queueRow is one process.
type queueRow struct {
	Name     string  `json:"name"`
	PID      uint32  `json:"pid"`
	Messages uint32  `json:"messages"`
	Seconds  float64 `json:"seconds"`
	Rate     float64 `json:"rate"` // messages per second
	State    string  `json:"state"`
}

// report makes up the account, after the end of all who could change it.
func (x *exchange) report(elapsed time.Duration) *queueReport {
	l := x.ledger
	r := &queueReport{
		Key:       x.key.String(),
		Through:   x.name,
		Queue:     x.id(),
		Set:       x.setID(),
		Size:      l.Size,
		Messages:  l.Messages,
		Seconds:   elapsed.Seconds(),
		Notes:     []string{},
		kind:      x.kind,
		kill:      l.Kill,
		consumers: l.Consumers,
	}
	for i := range l.slots {
		r.row(l, i)
	}
	for p := range int(l.Producers) {
		r.producer(l, p)
	}
	for c := range int(l.Consumers) {
		r.consumer(l, c)
	}
	if span := children.Span(l.slots); r.Seconds > 0 && span > 0 {
		r.Seconds = span
	}
	r.Throughput = children.Rate(r.Received, r.Seconds)
	r.judge()
	return r
}

// row takes over what a process has done, and how it ended.
func (r *queueReport) row(l *ledger, i int) {
	s := &l.slots[i]
	state, own, name := s.State.Load(), s.Own.Load(), l.name(i)
	consumes := i >= int(l.Producers)
	switch state {
	case children.Useless:
		r.Notes = append(r.Notes, fmt.Sprintf("%s (pid %d) was ended after %d of %d %s: no consumer was left", name, s.PID.Load(), own, s.Target.Load(), r.kind.unit))
	case children.Stopped:
		r.Killed++
		if consumes {
			r.deaths.killed++
		}
		r.Notes = append(r.Notes, fmt.Sprintf("%s (pid %d) was killed after %d %s, %s", name, s.PID.Load(), own, r.kind.unit, children.NameOf(workerSteps[:], s.Step.Load())))
	case children.Dead:
		if consumes {
			r.deaths.others++
		}
		r.Notes = append(r.Notes, fmt.Sprintf("%s (pid %d) died after %d %s", name, s.PID.Load(), own, r.kind.unit))
	}
	r.Rows = append(r.Rows, queueRow{
		Name:     name,
		PID:      s.PID.Load(),
		Messages: own,
		Seconds:  s.Seconds(state),
		Rate:     children.Rate(uint64(own), s.Seconds(state)),
		State:    queueStates[state],
	})
}

var queueStates = [...]string{children.Free: "absent", children.Present: "present", children.Done: "done", children.Left: "left", children.Stopped: "killed", children.Dead: "died", children.Useless: "ended"}

// producer looks for what it sent.
func (r *queueReport) producer(l *ledger, p int) {
	s := &l.slots[p]
	n, step := s.Own.Load(), s.Step.Load()
	next := n < l.share(p) && l.arrived(p, n)
	switch {
	case step == sending && s.State.Load() == children.Stopped:
		if next {
			r.Foreign++
			r.Notes = append(r.Notes, fmt.Sprintf("%d of %s arrived, which it had not sent", n, l.name(p)))
		}
	case step == sending && next, step == sent:
		n++ // it died in between, but this message did get into the queue
	}
	lost := l.missing(p, n)
	r.Sent += uint64(n)
	r.Received += uint64(n) - lost.count()
	r.Lost += lost.count()
	if lost != nil {
		r.Notes = append(r.Notes, fmt.Sprintf("lost of %s: %v", l.name(p), lost))
	}
}

// consumer looks for what it should not have got.
func (r *queueReport) consumer(l *ledger, c int) {
	name := l.name(int(l.Producers) + c)
	for p := range int(l.Producers) {
		got := l.cell(c, p)
		r.Given += uint64(got.Given)
		r.Noted += uint64(got.Noted)
		r.Again += uint64(got.Again)
		r.Late += uint64(got.Late)
		if got.Again > 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("%s got %d of %s that had arrived before, first %d", name, got.Again, l.name(p), got.FirstAgain))
		}
		if got.Late > 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("%s got %d of %s %s, first %d after %d", name, got.Late, l.name(p), r.late(), got.FirstLate, got.LateAfter))
		}
	}
	if foreign := l.cell(c, int(l.Producers)).Count; foreign > 0 {
		r.Foreign += uint64(foreign)
		r.Notes = append(r.Notes, fmt.Sprintf("%s got %d that no producer sent", name, foreign))
	}
}

// ordered tells whether each consumer is to get each producer's in order. What a dead one
// had comes late.
func (r *queueReport) ordered() bool {
	return !r.kind.leases || r.consumers == 1 || r.deaths.killed+r.deaths.others == 0
}

// late is what it means if he does not.
func (r *queueReport) late() string {
	if r.ordered() {
		return "out of order"
	}
	return "later, taken over from a dead consumer"
}
