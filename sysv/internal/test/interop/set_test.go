//go:build linux && !android

package interop_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
)

// Both sides see the same values of the same semaphores.
func TestValues(t *testing.T) {
	each(t, func(t *testing.T, l language) {
		for num, want := range []string{"5", "7"} {
			t.Run(fmt.Sprint("semaphore ", num), func(t *testing.T) {
				p, key := l.start(t), newKey(t)
				set, err := sem.Create(key, []int{5, 7}, nil)
				kit.Must(t, err)
				if got := p.do("value", key, num); got != want {
					t.Errorf("%s sees %s, want %s", l.name, got, want)
				}
				p.do("set-value", key, num, 32767)
				if got, err := set.Value(num); got != 32767 || err != nil {
					t.Errorf("Go sees %d, %v, want 32767", got, err)
				}
			})
		}
	})
}

// A set that others made is ready once they have given it values, by whatever
// call, even if all are 0.
func TestTheirSetIsReady(t *testing.T) {
	each(t, func(t *testing.T, l language) {
		for _, values := range [][]any{{1}, {0}, {0, 0, 7}} {
			t.Run(fmt.Sprint(values...), func(t *testing.T) {
				p, key := l.start(t), newKey(t)
				p.do("make-set", append([]any{key}, values...)...)
				set, err := sem.Open(kit.Patient(t), key, nil)
				kit.Must(t, err)
				for num, want := range values {
					if got, err := set.Value(num); got != want || err != nil {
						t.Errorf("semaphore %d is %d, %v, want %d", num, got, err, want)
					}
				}
			})
		}
	})
}

// One that they have given nothing yet is waited for. If nothing comes, it is
// still there to be opened by its id.
func TestTheirSetIsNotReady(t *testing.T) {
	each(t, func(t *testing.T, l language) {
		p, key := l.start(t), newKey(t)
		p.do("bare-set", key)
		_, err := sem.Open(kit.Brief(t), key, nil)
		if !errors.Is(err, sysv.ErrNotInitialized) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Open of a set without values: %v", err)
		}
		bare := findSet(t, key)
		wantValues(t, bare, 0)

		opened := kit.Async(t, func() error {
			set, err := sem.Open(kit.Patient(t), key, nil)
			if err == nil && set.ID() != bare.ID() {
				err = fmt.Errorf("set %d, want %d", set.ID(), bare.ID())
			}
			return err
		})
		p.do("set-value", key, 0, 0)
		if err := opened(); err != nil {
			t.Error(err)
		}
	})
}
