//go:build linux && !android

package lock_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
)

// Ends beside RWMutexes.
const (
	asReader     end = "reader"    // while it reads
	asWriter     end = "writer"    // in the middle of an entry
	asRWWaiter   end = "RW waiter" // while it locks, or soon after that
	asRWJoiner   end = "RW joiner" // while it joins and leaves again and again
	anywhereRW   end = "RW random"
	asRWSurvivor end = "RW survivor" // by itself
)

// soonAfter is within one use of a lock, or a few.
const soonAfter = 300 * time.Microsecond

var deadlyRWEnds = []end{asReader, asWriter, asRWWaiter, asRWJoiner, anywhereRW}

func (v *victim) endBesideRWMutexes(e end) error {
	i := accountCount + v.r.IntN(sharedCount)
	switch e {
	case asReader:
		last := v.r.IntN(3)
		return v.until(func() error {
			return v.read(bg, i, func() {
				if v.moment(); v.r.IntN(3) == last {
					die()
				}
			})
		})
	case asWriter:
		last := v.r.IntN(4)
		return v.until(func() error {
			return v.round(bg, i, func(n int) {
				if v.moment(); n == last {
					die()
				}
			})
		})
	case asRWWaiter:
		v.doom(soonAfter)
	case asRWJoiner:
		v.doom(2 * soonAfter)
		return v.until(func() error {
			if err := v.joinAgain(); err != nil {
				return err
			}
			return v.anythingShared()
		})
	case anywhereRW:
		v.doom(3 * time.Millisecond)
	case asRWSurvivor:
		return v.survive(v.anythingShared)
	}
	return v.until(v.anythingShared)
}

// until does something again and again, until this process is killed or fails.
func (v *victim) until(something func() error) (err error) {
	for err == nil {
		err = something()
	}
	return err
}

// moment passes some time, in which others may come to wait.
func (v *victim) moment() { passTime(time.Duration(v.r.IntN(20_000))) }

// anythingShared uses a RWMutex in one way or another.
func (v *victim) anythingShared() error {
	i := accountCount + v.r.IntN(sharedCount)
	lock := v.group.RWMutex(i - accountCount)
	switch v.r.IntN(16) {
	case 0:
		ok, abandoned, err := lock.TryLock()
		if !ok {
			return err
		}
		return v.inside(i, abandoned, v.dawdle)
	case 1:
		ok, abandoned, err := lock.TryRLock()
		if !ok {
			return err
		}
		if err := v.see(i, abandoned, v.moment); err != nil {
			return err
		}
		return lock.RUnlock()
	case 2:
		return v.joinAgain()
	case 3, 4:
		ctx, cancel := context.WithTimeout(bg, time.Duration(v.r.IntN(100_000)))
		defer cancel()
		use := func() error { return v.read(ctx, i, v.moment) }
		if v.r.IntN(2) == 0 {
			use = func() error { return v.round(ctx, i, v.dawdle) }
		}
		err := use()
		if err == context.DeadlineExceeded {
			return nil
		}
		return err
	case 5:
		return v.downgrade(i)
	case 6, 7, 8:
		return v.round(bg, i, v.dawdle)
	}
	return v.read(bg, i, v.moment)
}

// downgrade makes an entry, and reads it before anybody else can change it.
func (v *victim) downgrade(i int) error {
	lock := v.group.RWMutex(i - accountCount)
	v.does(isLocking.of(i))
	abandoned, err := lock.Lock(bg)
	if err != nil {
		return err
	}
	if err := v.begin(i, abandoned); err != nil {
		return err
	}
	if abandoned {
		if err := v.repair(i); err != nil {
			return err
		}
	}
	v.enter(i, v.dawdle)
	total := v.accounts[i].total.Load()
	v.does(isUnlocking.of(i))
	if err := lock.Downgrade(); err != nil {
		return err
	}
	if err := v.see(i, false, v.moment); err != nil {
		return err
	}
	if now := v.accounts[i].total.Load(); now != total {
		return fmt.Errorf("account %d was %d and is %d once its writer reads", i, total, now)
	}
	v.does(isOutside)
	return lock.RUnlock()
}

// Processes that are killed at any moment while they read, write, wait or join never
// lose an entry, show half of one, or wait for what nobody gives them.
func TestKillStormOfRWMutexes(t *testing.T) {
	r := storm.Random(t)
	kills := storm.Amount(30, 5000)
	s := newStorm(t)
	begin := time.Now()
	s.all(func(lives chan<- life) {
		for range kills {
			lives <- life{deadlyRWEnds[r.IntN(len(deadlyRWEnds))], r.Int32()}
		}
	})
	took := time.Since(begin)
	s.all(func(lives chan<- life) {
		for range atOnce {
			lives <- life{asRWSurvivor, r.Int32()}
		}
	})
	m := &participant{ledger: s.ledger, group: s.group, seat: atOnce}
	lost, takeovers := 0, 0
	for k := range sharedCount {
		i := accountCount + k
		kit.Must(t, m.round(kit.Patient(t), i, func(int) {}))
		kit.Must(t, m.read(kit.Patient(t), i, func() {}))
		a, died := &s.ledger.accounts[i], s.died[i]
		lost += int(s.ledger.sum(i)) - int(a.total.Load())
		if said, most := a.takeovers.Load(), died.owning+died.locking+died.unlocking; said > most {
			t.Errorf("account %d was said to be abandoned %d times, but %+v", i, said, died)
		}
		st := stat(t, s.group).RWMutexes[k]
		takeovers += st.Writer.Recoveries
		if st.Writer.Held || st.Writer.Abandoned || st.Writer.Waiters != 0 {
			t.Errorf("RWMutex %d in the end: %+v", k, st)
		}
		for _, reader := range st.Readers {
			if !reader.Dead {
				t.Errorf("RWMutex %d in the end: %+v", k, reader)
			}
		}
	}
	if lost != 0 {
		t.Errorf("%d entries are lost", lost)
	}
	t.Logf("RWMutex storm: %d SIGKILLs (%d readers, %d writers, %d waiters, %d joiners, %d random) in %.1f s, %d takeovers, %d lost updates",
		kills, s.kills[asReader], s.kills[asWriter], s.kills[asRWWaiter], s.kills[asRWJoiner], s.kills[anywhereRW], took.Seconds(), takeovers, lost)
	wantGone(t, s.group)
}
