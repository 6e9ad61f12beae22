//go:build linux && !android

package sem_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
)

// A crowd opens or creates the set of one key. Each of them stops at some step, if
// it comes there, and is killed or goes on.
type crowd struct {
	t       *testing.T
	r       *rand.Rand
	key     sysv.Key
	n       int // semaphores
	members []*sysvtest.Process

	kills, stops int
}

// gather starts them: the first one, who is to make the set, before the others.
func (c *crowd) gather(size int) {
	steps := []string{"made", "published", "accepted"}
	if c.n > 500 {
		steps = append(steps, "set all")
	}
	c.members = nil
	for i := range size {
		p := sysvtest.Start(c.t, opensOrCreates, c.key.String(), fmt.Sprint(c.n), steps[c.r.IntN(len(steps))])
		c.members = append(c.members, p)
		if i == 0 {
			steps = append(steps, "to heal", "to heal", "to finish")
			kit.Eventually(c.t, "the first one is at it", func() bool { return kit.State(p.Process.Pid) != kit.Running })
		}
	}
}

// disperse kills those who have stopped, or lets them go on, until all that live
// have said what they got.
func (c *crowd) disperse() (said map[string]int) {
	c.t.Helper()
	said = make(map[string]int)
	kit.Eventually(c.t, "all come to an end", func() bool {
		c.members = slices.DeleteFunc(c.members, func(p *sysvtest.Process) bool {
			switch kit.State(p.Process.Pid) {
			case kit.Gone:
				said[p.Line()]++
				p.Finish()
				return true
			case kit.Stopped:
				return c.decide(p)
			}
			return false
		})
		return len(c.members) == 0
	})
	return said
}

// decide kills a process that has stopped, lets it go on, or, most often, leaves it
// so for now.
func (c *crowd) decide(p *sysvtest.Process) (killed bool) {
	switch c.r.IntN(400) { // for some 100 ms, twice the grace
	case 0:
		p.Kill()
		c.kills++
		return true
	case 1:
		kit.Must(c.t, syscall.Kill(p.Process.Pid, syscall.SIGCONT))
		c.stops++
	}
	return false
}

// Whoever is killed or stopped at whatever step of making, healing and finishing
// a set: those who live come to one set, whole, and no two are told that they
// created it. Another program's set is never replaced, whatever is in it.
func TestHealingStorm(t *testing.T) {
	emulator.Mode.Skip(t)
	c := &crowd{t: t, r: storm.Random(t)}
	rounds := storm.Amount(2, 500)
	left := 0
	begin := time.Now()
	for round := range rounds {
		c.key, c.n = newKey(t), []int{2, 501}[c.r.IntN(2)]
		foreign := -1
		if round%5 == 4 {
			foreign = bareSet(t, c.key, c.n, 0o777)
		}
		c.gather(6)
		said := c.disperse()
		c.judge(said, foreign)
		s, _, err := sem.OpenOrCreate(kit.Patient(t), c.key, given(c.n), nil) // of whatever is left
		kit.Must(t, err)
		if len(said) == 0 {
			left++
		}
		kit.Must(t, s.Remove())
	}
	t.Logf("healing storm: %d rounds of 6 processes, %d killed and %d stopped in %v; in %d rounds nobody lived",
		rounds, c.kills, c.stops, time.Since(begin).Round(100*time.Millisecond), left)
}

// judge checks what those said who live.
func (c *crowd) judge(said map[string]int, foreign int) {
	c.t.Helper()
	if len(said) == 0 {
		return
	}
	id, err := sys.Semget(int32(c.key), 0, 0)
	kit.Must(c.t, err)
	created, opened := said[fmt.Sprintf("%d true", id)], said[fmt.Sprintf("%d false", id)]
	total := 0
	for _, n := range said {
		total += n
	}
	if created > 1 || created+opened != total || foreign >= 0 && (id != foreign || created > 0) {
		c.t.Fatalf("they say %v of set %d (foreign: %d)", said, id, foreign)
	}
	want := given(c.n)
	if foreign >= 0 {
		want = repeat(c.n, 0)
	}
	wantValues(c.t, openID(c.t, id), want...)
}
