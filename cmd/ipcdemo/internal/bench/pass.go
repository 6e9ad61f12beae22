package bench

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"example.com/sysvipc/sysv/sem"
)

// passed is how many bytes a record has whose passing is measured.
const passed = 64

// passing are the figures of processes that pass records to others.
func passing(what through, name string, l *line) (all []figure) {
	for _, n := range []int{1, 2, 4} {
		all = append(all, figure{Name: fmt.Sprintf("%d bytes through %s, %d to %d", passed, name, n, n), Unit: "/s", cpus: 1,
			measure: gettingThrough(n, what), of: throughput, line: l, x: 2 * n})
	}
	for cpus, where := range []string{1: "on one CPU", 2: "on two CPUs"} {
		if cpus > 0 {
			all = append(all, figure{Name: fmt.Sprintf("%d bytes through %s and back, %s", passed, name, where), Unit: "ns", cpus: cpus,
				measure: gettingBack(cpus, what), of: answer, line: l, x: cpus})
		}
	}
	return all
}

// gettingThrough measures how many records a second as many processes get as others send.
func gettingThrough(pairs int, what through) func(context.Context, *bench) (float64, error) {
	return func(ctx context.Context, b *bench) (_ float64, err error) {
		p, err := createPipe(ctx, what)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, p.Remove()) }()
		if err := b.set.SetValue(benchGate, 2*pairs+1); err != nil {
			return 0, err
		}
		var roles []*Passer
		for i := range pairs {
			send := &Passer{Role: "send", Through: what, There: p.ID(), Set: b.set.ID(), Segment: b.seg.ID(), Slot: i}
			receive := *send
			receive.Role = "receive"
			roles = append(roles, send, &receive)
		}
		passers, err := startPassers(roles...)
		defer passers.End()
		if err != nil {
			return 0, err
		}
		received := func() (sum uint32, err error) {
			for i := range pairs {
				n, failed := receivedBy(b.mem, i)
				if failed != nil {
					return 0, failed
				}
				sum += n.Load()
			}
			return sum, nil
		}
		if err := b.set.Do(ctx, sem.Op{Num: benchGate, Delta: -1}, sem.Op{Num: benchGate}); err != nil {
			return 0, err
		}
		begin := time.Now()
		before, err := received()
		for err == nil {
			switch ch, err := passers.Next(ctx, time.After(b.window)); {
			case err != nil:
				return 0, err
			case ch != nil:
				return 0, ch.Failure()
			}
			var after uint32
			if after, err = received(); after != before {
				return float64(after-before) / time.Since(begin).Seconds(), err
			}
			// In so short a time none of them has had its turn.
		}
		return 0, err
	}
}

// gettingBack measures how long a record takes to another process and back.
func gettingBack(cpus int, what through) func(context.Context, *bench) (float64, error) {
	return func(ctx context.Context, b *bench) (_ float64, err error) {
		there, err := createPipe(ctx, what)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, there.Remove()) }()
		back, err := createPipe(ctx, what)
		if err != nil {
			return 0, err
		}
		defer func() { err = errors.Join(err, back.Remove()) }()
		ask := &Passer{Role: "ask", Through: what, There: there.ID(), Back: back.ID(), Window: b.window}
		answer := *ask
		answer.Role, answer.CPU = "answer", cpus-1
		passers, err := startPassers(ask, &answer)
		defer passers.End()
		if err != nil {
			return 0, err
		}
		ch, err := passers.Next(ctx, nil) // who asks, if all is well
		if err != nil {
			return 0, err
		}
		if !ch.EndedWell() || ch.Slot != 0 {
			return 0, ch.Failure()
		}
		return strconv.ParseFloat(strings.TrimSpace(ch.Stdout.String()), 64)
	}
}
