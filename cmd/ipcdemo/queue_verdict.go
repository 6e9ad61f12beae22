package main

import (
	"fmt"
	"strings"
	"time"
)

// queueReport is what came of a queue run, and what --json prints.
type queueReport struct {
	Key        string     `json:"key"`
	Queue      int        `json:"queue"`
	Set        int        `json:"set"`
	Size       uint32     `json:"size"` // bytes in a message
	Rows       []queueRow `json:"processes"`
	Messages   uint32     `json:"messages"`   // that were to be sent
	Sent       uint64     `json:"sent"`       // as far as the producers know
	Received   uint64     `json:"received"`   // different messages of the producers
	Lost       uint64     `json:"lost"`       // sent and not received
	Again      uint64     `json:"duplicates"` // received once more
	Late       uint64     `json:"disordered"` // received by a consumer after a later one of the same producer
	Foreign    uint64     `json:"foreign"`    // received, but of no producer
	Seconds    float64    `json:"seconds"`    // from the opening of the gate until all had ended
	Throughput float64    `json:"throughput"` // messages received per second
	Notes      []string   `json:"notes"`      // what happened to whom
	Verdict    string     `json:"verdict"`
	Verified   bool       `json:"verified"`
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
		Key:      x.queue.Key().String(),
		Queue:    x.queue.ID(),
		Set:      x.set.ID(),
		Size:     l.Size,
		Messages: l.Messages,
		Seconds:  elapsed.Seconds(),
		Notes:    []string{},
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
	r.Throughput = rate(r.Received, r.Seconds)
	r.judge()
	return r
}

// row takes over what a process has done, and how it ended.
func (r *queueReport) row(l *ledger, i int) {
	s := &l.slots[i]
	state, own, name := s.State.Load(), s.Own.Load(), l.name(i)
	word := queueStates[state]
	switch state {
	case stopped:
		r.Notes = append(r.Notes, fmt.Sprintf("%s (pid %d) was ended after %d of %d messages: no consumer was left", name, s.PID.Load(), own, s.Target.Load()))
	case dead:
		r.Notes = append(r.Notes, fmt.Sprintf("%s (pid %d) died after %d messages", name, s.PID.Load(), own))
	}
	r.Rows = append(r.Rows, queueRow{
		Name:     name,
		PID:      s.PID.Load(),
		Messages: own,
		Seconds:  seconds(s, state),
		Rate:     rate(uint64(own), seconds(s, state)),
		State:    word,
	})
}

var queueStates = [...]string{free: "absent", present: "present", done: "done", left: "left", stopped: "ended", dead: "died"}

// producer looks for what it sent.
func (r *queueReport) producer(l *ledger, p int) {
	s := &l.slots[p]
	sent := s.Own.Load()
	if s.Step.Load() == sending && sent < l.share(p) && l.arrived(p, sent) {
		sent++ // it died in between, but this message did get into the queue
	}
	lost := l.missing(p, sent)
	r.Sent += uint64(sent)
	r.Received += uint64(sent) - lost.count()
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
		r.Again += uint64(got.Again)
		r.Late += uint64(got.Late)
		if got.Again > 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("%s got %d of %s that had arrived before, first %d", name, got.Again, l.name(p), got.FirstAgain))
		}
		if got.Late > 0 {
			r.Notes = append(r.Notes, fmt.Sprintf("%s got %d of %s out of order, first %d after %d", name, got.Late, l.name(p), got.FirstLate, got.LateAfter))
		}
	}
	if foreign := l.cell(c, int(l.Producers)).Count; foreign > 0 {
		r.Foreign += uint64(foreign)
		r.Notes = append(r.Notes, fmt.Sprintf("%s got %d that no producer sent", name, foreign))
	}
}

func (r *queueReport) judge() {
	var wrong []string
	for _, f := range []struct {
		n    uint64
		text string
	}{
		{r.Lost, fmt.Sprintf("LOST %d of %d messages", r.Lost, r.Sent)},
		{r.Again, fmt.Sprintf("DUPLICATES: %d", r.Again)},
		{r.Late, fmt.Sprintf("OUT OF ORDER: %d", r.Late)},
		{r.Foreign, fmt.Sprintf("FOREIGN: %d", r.Foreign)},
	} {
		if f.n > 0 {
			wrong = append(wrong, f.text)
		}
	}
	if wrong != nil {
		r.Verdict = strings.Join(wrong, ", ")
		return
	}
	r.Verified = true
	r.Verdict = fmt.Sprintf("verified: all %d messages arrived, each once and in its producer's order", r.Received)
	if r.Sent < uint64(r.Messages) {
		r.Verdict = fmt.Sprintf("verified: of %d messages %d were sent, which arrived, each once and in its producer's order", r.Messages, r.Sent)
	}
}

func (r *queueReport) addsUp() bool { return r.Verified }

func (r *queueReport) text() string {
	var rows []performance
	for _, p := range r.Rows {
		rows = append(rows, performance{p.Name, p.PID, p.Messages, p.Seconds, p.Rate})
	}
	return fmt.Sprintf("queue %d, set %d, key %s, %d bytes a message\n\n", r.Queue, r.Set, r.Key, r.Size) +
		account("messages", rows, append(r.Notes, r.Verdict), r.Throughput)
}
