//go:build linux && !android && !sysvipc_steps

package ring

import (
	"errors"
	"io"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
)

// With -race these show that the race detector is told of the order that a queue
// brings: each of two goroutines has a Queue of its own, so that they share nothing
// that Go knows of.

func twoQueues(t *testing.T) (a, b *Queue) {
	_, a = newQueue(t, 64)
	b = rejoin(t, a)
	t.Cleanup(func() { kit.Must(t, b.group.Close()) }) // with what it has
	return a, b
}

func TestSentIsOrderedForTheRaceDetector(t *testing.T) {
	for name, act := range map[string]func(q *Queue) error{
		"Send":    func(q *Queue) error { return q.Send(bg, []byte("x")) },
		"TrySend": func(q *Queue) error { _, err := q.TrySend([]byte("x")); return err },
		"SendBatch": func(q *Queue) error {
			_, err := q.SendBatch(bg, [][]byte{[]byte("x")})
			return err
		},
		"Commit": func(q *Queue) error {
			r, err := q.Reserve(bg, 1)
			return errors.Join(err, r.Commit())
		},
		"Discard, and the end": func(q *Queue) error {
			r, err := q.Reserve(bg, 1)
			return errors.Join(err, r.Discard(), q.Finish())
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := twoQueues(t)
			kit.WantOrder(t, func() error { return act(a) }, func() {
				r, err := b.Receive(kit.Patient(t))
				if err != io.EOF {
					kit.Must(t, err)
					kit.Must(t, r.Done())
				}
			})
		})
	}
}

func TestGivenBackIsOrderedForTheRaceDetector(t *testing.T) {
	a, b := twoQueues(t)
	kit.Must(t, a.Send(bg, []byte("x")))
	r, err := a.Receive(bg)
	kit.Must(t, err)
	kit.WantOrder(t, func() error { return r.Requeue(bg) }, func() {
		r, err := b.Receive(kit.Patient(t))
		kit.Must(t, err)
		kit.Must(t, r.Done())
	})
}

func TestDoneIsOrderedForTheRaceDetector(t *testing.T) {
	for name, done := range map[string]func(q *Queue, r Record) error{
		"Done":      func(q *Queue, r Record) error { return r.Done() },
		"DoneBatch": func(q *Queue, r Record) error { return q.DoneBatch([]Record{r}) },
	} {
		t.Run(name, func(t *testing.T) {
			a, b := twoQueues(t)
			kit.Must(t, a.Send(bg, make([]byte, 100)))
			r, err := a.Receive(bg)
			kit.Must(t, err)
			for ok := true; ok; { // until it is full
				ok, err = a.TrySend(make([]byte, 100))
				kit.Must(t, err)
			}
			kit.WantOrder(t, func() error { return done(a, r) }, func() {
				kit.Must(t, b.Send(kit.Patient(t), make([]byte, 100)))
			})
		})
	}
}
