//go:build sysvipc_steps && linux && !android

package lock_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// churned is what the processes of a churn share. The kernel gives ids in the
// order of creation, as long as they do not come round.
type churned struct {
	newest  atomic.Int32 // the id of the newest group that was created
	created atomic.Int32
	locked  atomic.Int32
	beside  atomic.Int32 // those that were in a group when a newer one was created
	late    atomic.Bool  // this can be so for a while, as nobody tells them
}

// churner opens or makes the group with a key, uses it, and removes it now and
// then, for some rounds or until it comes to a step for so many times, and dies.
var churner = sysvtest.Helper("churner", func(args []string) error {
	key, err := sysv.ParseKey(args[0])
	if err != nil {
		return err
	}
	n, err := kit.Numbers(args[2:])
	if err != nil {
		return err
	}
	id, times, rounds := n[0], int32(n[1]), n[2]
	seg, err := shm.OpenID(id)
	if err != nil {
		return err
	}
	m, err := seg.Attach(nil)
	if err != nil {
		return err
	}
	c, err := shm.View[churned](m, 0)
	if err != nil {
		return err
	}
	object.Grace = churnGrace
	var met atomic.Int32
	lock.AtStep(func(step string) {
		if step == args[1] && met.Add(1) == times {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
	})
	for round := range rounds {
		if err := c.round(key, round%3 == 0); err != nil {
			return err
		}
	}
	return nil
})

// churnGrace is short, so that the dead are in nobody's way for long.
const churnGrace = 50 * time.Millisecond

func (c *churned) round(key sysv.Key, remove bool) error {
	ctx, cancel := context.WithTimeout(bg, kit.Patience)
	defer cancel()
	g, created, err := lock.OpenOrCreate(ctx, key, 1, &lock.Config{Processes: 16})
	if err != nil {
		return err
	}
	if created {
		c.created.Add(1)
		for old := c.newest.Load(); old < int32(g.ID()) && !c.newest.CompareAndSwap(old, int32(g.ID())); {
			old = c.newest.Load()
		}
	}
	for range 3 {
		if c.late.Load() {
			time.Sleep(3 * time.Millisecond) // a new group may come
		}
		newest := c.newest.Load()
		if _, err := g.Mutex(0).Lock(ctx); err != nil {
			if errors.Is(err, sysv.ErrRemoved) {
				break
			}
			return err
		}
		c.locked.Add(1)
		beside := int32(g.ID()) < newest
		if beside && !c.late.Load() {
			return fmt.Errorf("locked in group %d, beside %d, which is newer", g.ID(), newest)
		}
		if err := ignoreRemoved(g.Mutex(0).Unlock()); err != nil {
			return err
		}
		if beside {
			c.beside.Add(1)
			if err := useUntilRemoved(g.Mutex(0)); !errors.Is(err, sysv.ErrRemoved) {
				return fmt.Errorf("used group %d, beside %d, which is newer: %v", g.ID(), newest, err)
			}
			break
		}
	}
	if remove {
		if err := ignoreRemoved(g.Remove()); err != nil {
			return err
		}
	}
	return g.Close()
}

// However many creators and removers are killed, at every step of theirs, and
// whatever ipcrm takes: the group can be opened or made, no object is left, and
// nobody gets a mutex of an old group once there is a new one, or, where ipcrm takes
// both the segment and the set, for long after that.
func TestStormOfKilledCreatorsAndRemovers(t *testing.T) {
	emulator.Mode.Skip(t)
	r := storm.Random(t)
	for _, ipcrm := range []string{"nothing", "segment", "set", "both"} {
		t.Run("ipcrm "+ipcrm, func(t *testing.T) {
			key := newKey(t)
			seg, m, err := shm.Anonymous(4096)
			kit.Must(t, err)
			defer m.Detach()
			c, err := shm.View[churned](m, 0)
			kit.Must(t, err)
			c.late.Store(ipcrm == "both")
			var lives []string
			for range storm.Amount(3, 40) {
				lives = append(lives, churnSteps...)
			}
			r.Shuffle(len(lives), func(i, j int) { lives[i], lives[j] = lives[j], lives[i] })
			var next, kills atomic.Int32
			var all sync.WaitGroup
			for range 4 {
				all.Go(func() {
					for i := int(next.Add(1)) - 1; i < len(lives); i = int(next.Add(1)) - 1 {
						times := strconv.Itoa(1 + i%2)
						said, err := sysvtest.Command(churner, key.String(), lives[i], strconv.Itoa(seg.ID()), times, "30").CombinedOutput()
						if err != nil && err.Error() == "signal: killed" {
							kills.Add(1)
						} else if err != nil {
							t.Errorf("%s %s: %v: %s", lives[i], times, err, said)
						}
					}
				})
			}
			done := make(chan struct{})
			go func() { all.Wait(); close(done) }()
			for alive := true; alive; {
				select {
				case <-done:
					alive = false
				case <-time.After(20 * time.Millisecond):
					takeAway(key, ipcrm)
				}
			}
			kit.Must(t, c.round(key, true))
			wantNames(t, key)
			t.Logf("%d processes were killed at a step, %d groups made, %d locks, %d times beside a newer group", kills.Load(), c.created.Load(), c.locked.Load(), c.beside.Load())
		})
	}
}

// churnSteps are those of creation, removal and what comes between.
var churnSteps = []string{
	"segmentMade", "setMade", "headerWritten", "joinTaken", "generationRaised", "slotTaken", "joined", "published",
	"armed", "locked", "unlocked", "slotLeft", "left",
	"segmentRemoved", "poisoned", "setRemoved", "oldPoisoned", "oldRemoved",
}

// takeAway is ipcrm(1).
func takeAway(key sysv.Key, what string) {
	if what == "segment" || what == "both" {
		if seg, err := shm.Open(key, nil); err == nil {
			seg.Remove()
		}
	}
	if what == "set" || what == "both" {
		ctx, cancel := context.WithTimeout(bg, time.Millisecond)
		defer cancel()
		if set, err := sem.Open(ctx, key, nil); err == nil {
			set.Remove()
		}
	}
}
