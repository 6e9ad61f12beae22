//go:build linux && !android

package shm_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// creationSteps are those of a creator, in their order. At the first two he may be
// late, from the third on he lives as long as his process does, and from
// "published" on the segment is everybody's.
var creationSteps = []string{"made", "attached", "alone", "filling", "filled", "seen", "published", "accepted"}

// openingSteps are those of who finds a segment: filled, or its creator dead.
var openingSteps = []string{"found", "joined", "to heal"}

func isBefore(step, other string) bool {
	return slices.Index(creationSteps, step) < slices.Index(creationSteps, other)
}

// fillSlowly is fillWith that comes to a step half-way.
func fillSlowly(v uint32, at func(step string)) func(*shm.Mapping) error {
	return func(m *shm.Mapping) error {
		if first, err := filledWith(m); err == nil {
			return fmt.Errorf("filled with %#x already", first)
		}
		at("filling")
		return fillWith(v)(m)
	}
}

// opener opens or fills the segment with a key, stops at a step, the first time that
// it comes there, and says which segment it has got.
var opener = sysvtest.Helper("opener", func(args []string) error {
	key, err := sysv.ParseKey(args[0])
	if err != nil {
		return err
	}
	object.Grace = shortly
	at := func(step string) {
		if step == args[1] {
			args[1] = ""
			kit.StopHere()
		}
	}
	shm.AtStep(at)
	m, created, err := shm.OpenOrInit(bg, key, initSize, nil, fillSlowly(uint32(os.Getpid()), at))
	if err != nil {
		return err
	}
	v, err := filledWith(m)
	fmt.Println(m.Segment().ID(), created, v)
	return err
})

const shortly = 50 * time.Millisecond

// stopAt starts an opener and waits until it has stopped at its step.
func stopAt(t *testing.T, key sysv.Key, step string) *sysvtest.Process {
	t.Helper()
	p := sysvtest.Start(t, opener, key.String(), step)
	kit.AwaitStopped(t, p.Process.Pid)
	return p
}

// goOn lets an opener go on, and wants it to come to a segment.
func goOn(t *testing.T, p *sysvtest.Process, id int, created bool, filledWith int) {
	t.Helper()
	kit.Must(t, syscall.Kill(p.Process.Pid, syscall.SIGCONT))
	p.Expect(fmt.Sprint(id, created, filledWith))
	p.Finish()
}

// Whatever a creator leaves that is killed, the next one comes to a whole segment,
// and fills it unless that is done.
func TestCreatorsKilledAtEachStep(t *testing.T) {
	emulator.Mode.Skip(t)
	shortGrace(t, shortly)
	for _, step := range creationSteps {
		t.Run(step, func(t *testing.T) {
			key := initKey(t)
			p := stopAt(t, key, step)
			p.Kill()
			m, created, err := shm.OpenOrInit(kit.Patient(t), key, initSize, nil, fillWith(1))
			kit.Must(t, err)
			if created != isBefore(step, "published") {
				t.Errorf("created %v", created)
			}
			if created {
				wantFilled(t, m, 1)
			} else {
				wantFilled(t, m, uint32(p.Process.Pid))
			}
			if mode := stat(t, m.Segment()).Mode; mode != 0o600 {
				t.Errorf("mode %#o", uint32(mode))
			}
			kit.Must(t, m.Detach())
		})
	}
}

// Whoever has it attached lives, however long he is stopped. He is waited for, and
// named.
func TestCreatorsThatAreStoppedAreWaitedFor(t *testing.T) {
	emulator.Mode.Skip(t)
	shortGrace(t, shortly)
	for _, step := range creationSteps {
		if isBefore(step, "alone") || !isBefore(step, "published") {
			continue
		}
		t.Run(step, func(t *testing.T) {
			t.Parallel() // they all wait
			key := initKey(t)
			p := stopAt(t, key, step)
			_, _, err := shm.OpenOrInit(kit.Brief(t), key, initSize, nil, mustNotInit)
			kit.WantError(t, err, sysv.ErrNotInitialized, fmt.Sprintf("process %d is filling it", p.Process.Pid))
			kit.WantError(t, err, context.DeadlineExceeded)
			wait := kit.Async(t, func() *shm.Mapping {
				m, _, err := shm.OpenOrInit(kit.Patient(t), key, initSize, nil, mustNotInit)
				kit.Must(t, err)
				return m
			})
			time.Sleep(2 * shortly)
			id := theSegment(t, key)
			goOn(t, p, id, true, p.Process.Pid)
			m := wait()
			wantFilled(t, m, uint32(p.Process.Pid))
			kit.Must(t, m.Detach())
		})
	}
}

// Who is stopped before he has attached it, or knows that in time, has his segment
// replaced, and comes to that of the others.
func TestCreatorsThatAreLateAtEachStep(t *testing.T) {
	emulator.Mode.Skip(t)
	shortGrace(t, shortly)
	t.Run("made", func(t *testing.T) {
		key := initKey(t)
		p := stopAt(t, key, "made")
		m, _, err := shm.OpenOrInit(kit.Patient(t), key, initSize, nil, fillWith(1))
		kit.Must(t, err)
		goOn(t, p, m.Segment().ID(), false, 1)
		kit.Must(t, m.Detach())
	})
	t.Run("attached", func(t *testing.T) {
		key := initKey(t)
		p := stopAt(t, key, "attached")
		left := theSegment(t, key)
		time.Sleep(shortly)
		kit.Must(t, syscall.Kill(p.Process.Pid, syscall.SIGCONT))
		var id, v int
		var created bool
		_, err := fmt.Sscan(p.Line(), &id, &created, &v)
		kit.Must(t, err)
		if id == left || !created || v != p.Process.Pid {
			t.Errorf("segment %d after %d, created %v, filled with %d", id, left, created, v)
		}
		p.Finish()
	})
	t.Run("published", func(t *testing.T) {
		key := initKey(t)
		p := stopAt(t, key, "published")
		m, _, err := shm.OpenOrInit(kit.Patient(t), key, initSize, nil, mustNotInit)
		kit.Must(t, err)
		goOn(t, p, m.Segment().ID(), true, p.Process.Pid)
		kit.Must(t, m.Detach())
	})
}

// Who opens a segment and is stopped meanwhile comes to the one that has taken its
// place, and does nothing to it.
func TestOpenersThatAreLate(t *testing.T) {
	emulator.Mode.Skip(t)
	shortGrace(t, shortly)
	for _, step := range openingSteps {
		t.Run(step, func(t *testing.T) {
			key := initKey(t)
			left := -1
			if step == "to heal" {
				left = unattached(t, key)
			} else {
				m, _, err := shm.OpenOrInit(bg, key, initSize, nil, fillWith(1))
				kit.Must(t, err)
				left = m.Segment().ID()
				kit.Must(t, m.Detach())
			}
			p := stopAt(t, key, step)
			if step != "to heal" {
				seg, err := shm.Open(key, nil)
				kit.Must(t, err)
				kit.Must(t, seg.Remove())
			}
			m, created, err := shm.OpenOrInit(kit.Patient(t), key, initSize, nil, fillWith(2))
			kit.Must(t, err)
			if !created || m.Segment().ID() == left {
				t.Errorf("created %v, segment %d after %d", created, m.Segment().ID(), left)
			}
			goOn(t, p, m.Segment().ID(), false, 2)
			if id := theSegment(t, key); id != m.Segment().ID() {
				t.Errorf("the key names segment %d, want %d", id, m.Segment().ID())
			}
			kit.Must(t, m.Detach())
		})
	}
}

// theSegment is what a key names, in the making or not.
func theSegment(t testing.TB, key sysv.Key) int {
	t.Helper()
	list, err := shm.List()
	kit.Must(t, err)
	for _, st := range list {
		if st.Key == key {
			return st.ID
		}
	}
	t.Fatalf("key %v names no segment", key)
	return 0
}
