package messages

import (
	"fmt"
	"strings"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
)

// judge compares what came with what is promised. What a consumer was killed with is
// lost, through messages, or is given to another.
func (r *queueReport) judge() {
	unit := r.kind.unit
	mayBeLost, mayBeGiven := r.deaths.killed, uint64(0)
	if r.kind.leases {
		mayBeLost, mayBeGiven = 0, r.deaths.killed+r.deaths.others
	}
	var wrong []string
	for _, f := range []struct {
		wrong bool
		text  string
	}{
		{r.Lost > mayBeLost, fmt.Sprintf("LOST %d of %d %s", r.Lost, r.Sent, unit)},
		{r.Again > 0, fmt.Sprintf("DUPLICATES: %d", r.Again)},
		{r.Given > mayBeGiven, fmt.Sprintf("GIVEN AGAIN: %d, after %d deaths", r.Given, mayBeGiven)},
		{r.Late > 0 && r.ordered(), fmt.Sprintf("OUT OF ORDER: %d", r.Late)},
		{r.Foreign > 0, fmt.Sprintf("FOREIGN: %d", r.Foreign)},
		{r.Killed < uint64(r.kill), fmt.Sprintf("KILLED %d of %d", r.Killed, r.kill)},
	} {
		if f.wrong {
			wrong = append(wrong, f.text)
		}
	}
	if wrong != nil {
		r.Verdict = strings.Join(wrong, ", ")
		return
	}
	r.Verified = true
	how := "each once"
	if r.ordered() {
		how += " and in its producer's order"
	}
	switch {
	case r.Lost > 0:
		r.Verdict = fmt.Sprintf("verified: of %d %s %d were sent and %d arrived, %s", r.Messages, unit, r.Sent, r.Received, how)
	case r.Sent < uint64(r.Messages):
		r.Verdict = fmt.Sprintf("verified: of %d %s %d were sent, which arrived, %s", r.Messages, unit, r.Sent, how)
	default:
		r.Verdict = fmt.Sprintf("verified: all %d %s arrived, %s", r.Received, unit, how)
	}
	switch {
	case r.Lost > 0:
		r.Verdict += fmt.Sprintf("; %d died with %d killed consumers: a queue forgets what it has delivered", r.Lost, r.deaths.killed)
	case r.Given > 0:
		r.Verdict += fmt.Sprintf(", but for %d that dead consumers had, which were given again: %d of them had been written down", r.Given, r.Noted)
	}
}

func (r *queueReport) AddsUp() bool { return r.Verified }

func (r *queueReport) Text() string {
	var rows []term.Performance
	for _, p := range r.Rows {
		rows = append(rows, term.Performance{Name: p.Name, PID: p.PID, Amount: p.Messages, Seconds: p.Seconds, Rate: p.Rate})
	}
	headline := fmt.Sprintf("%s %d, set %d, key %s, %d bytes a %s", r.kind.object, r.Queue, r.Set, r.Key, r.Size, strings.TrimSuffix(r.kind.unit, "s"))
	return term.Wrapped(headline) + "\n\n" + term.Account(r.kind.unit, rows, r.Notes, r.Verdict, r.Verified, r.Throughput)
}
