//go:build linux && !android

package storm_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// A prize is a kind of object that processes race for.
type prize struct {
	// sizes are how many semaphores or bytes, in turn.
	sizes []int
	// obtain is OpenOrCreate by one of the processes, which looks at what it
	// has got and returns its id and the process that made it.
	obtain func(ctx context.Context, key sysv.Key, size int) (created bool, id, maker int, err error)
	// lookup is the kernel's answer, without the library's.
	lookup func(key sysv.Key) (id int, err error)
	remove func(id int) error
}

var prizes = map[string]*prize{
	"set": {
		sizes:  []int{1, 4000, 500, 2000, 501, 4000}, // the more, the longer its making takes
		obtain: obtainSet,
		lookup: func(key sysv.Key) (int, error) { return sys.Semget(int32(key), 0, 0) },
		remove: func(id int) error { _, err := sys.Semctl(id, 0, sys.IPC_RMID); return err },
	},
	"segment": {
		sizes:  []int{1, 4096, 4097, 1 << 20, 64 << 20},
		obtain: obtainSegment,
		lookup: func(key sysv.Key) (int, error) { return sys.Shmget(int32(key), 0, 0) },
		remove: func(id int) error { return sys.Shmctl(id, sys.IPC_RMID) },
	},
}

// given are a set's values: none is 0, so that one which was forgotten shows.
func given(n int) []int { return slices.Repeat([]int{3}, n) }

func obtainSet(ctx context.Context, key sysv.Key, n int) (created bool, id, maker int, err error) {
	s, created, err := sem.OpenOrCreate(ctx, key, given(n), nil)
	if err != nil {
		return created, 0, 0, err
	}
	values, err := s.Values()
	if err != nil {
		return created, 0, 0, err
	}
	if !slices.Equal(values, given(n)) {
		return created, 0, 0, fmt.Errorf("half-given: of %d values the first is %d and the last %d", len(values), values[0], values[len(values)-1])
	}
	maker, err = s.LastPID(n - 1) // who gave the values: nobody changes them
	return created, s.ID(), maker, err
}

func obtainSegment(_ context.Context, key sysv.Key, size int) (created bool, id, maker int, err error) {
	seg, created, err := shm.OpenOrCreate(key, size, nil)
	if err != nil {
		return created, 0, 0, err
	}
	mem, err := seg.Attach(nil)
	if err != nil {
		return created, 0, 0, err
	}
	if b := mem.Bytes(); len(b) != size || b[0] != 0 || b[size-1] != 0 {
		return created, 0, 0, fmt.Errorf("%d bytes from %d to %d, want %d zeros", len(b), b[0], b[size-1], size)
	}
	st, err := seg.Stat()
	if err != nil {
		return created, 0, 0, err
	}
	return created, seg.ID(), st.CPID, mem.Detach()
}

// contender obtains the object of each line's kind, key and size, once the
// line's gate is open, and prints how that went.
var contender = sysvtest.Helper("contender", func(args []string) error {
	v, err := kit.Numbers(args)
	if err != nil {
		return err
	}
	set, err := sem.OpenID(v[0])
	if err != nil {
		return err
	}
	object.Grace = soon
	for line := range instructions() {
		fmt.Println(contend(set, line))
	}
	return nil
})

// soon is when a maker counts as dead here: long enough for one that lives to be
// kept from its processor.
const soon = 300 * time.Millisecond

func contend(gates *sem.Set, line string) string {
	g := gate{set: gates}
	var kind string
	var key sysv.Key
	var size int
	if _, err := fmt.Sscan(line, &kind, (*uint32)(&key), &size, &g.num); err != nil {
		return err.Error()
	}
	if err := g.pass(); err != nil {
		return err.Error()
	}
	created, id, maker, err := prizes[kind].obtain(bg, key, size)
	switch {
	case err != nil:
		return err.Error()
	case created != (maker == os.Getpid()):
		return fmt.Sprintf("created: %v, and process %d made it", created, maker)
	}
	return fmt.Sprintf("%s %d of process %d", kind, id, maker)
}

// A race is the processes that contend for one kind of object. The first of
// the field, in whatever order it is this time, has a gate of its own.
type race struct {
	*prize
	t     *testing.T
	r     *rand.Rand
	kind  string
	key   sysv.Key
	gates *sem.Set
	field []*sysvtest.Process

	orphans int // objects whose maker died after it had made them
}

func newRace(t *testing.T, kind string, size int) *race {
	c := &race{prize: prizes[kind], t: t, r: storm.Random(t), kind: kind, key: sysv.RandomKey(), gates: newSet(t, 1, 1)}
	t.Cleanup(func() {
		if id, err := c.lookup(c.key); err == nil { // after a failure
			kit.Must(t, c.remove(id))
		}
	})
	for range size {
		c.field = append(c.field, c.contender())
	}
	return c
}

func (c *race) contender() *sysvtest.Process {
	return sysvtest.Start(c.t, contender, strconv.Itoa(c.gates.ID()))
}

// run races for an object of this size, and kills the first ones of the field.
func (c *race) run(size, kills int) {
	c.t.Helper()
	c.r.Shuffle(len(c.field), func(i, j int) { c.field[i], c.field[j] = c.field[j], c.field[i] })
	first, others := gate{c.gates, 0}, gate{c.gates, 1}
	first.shut(c.t)
	others.shut(c.t)
	for i, p := range c.field {
		p.Send(fmt.Sprintf("%s %d %d %d", c.kind, c.key, size, min(i, 1)))
	}
	first.await(c.t, 1)
	others.await(c.t, len(c.field)-1)

	killed := make(map[int]bool)
	kill := func(i int) {
		p := c.field[i]
		p.Kill()
		killed[p.Process.Pid] = true
		c.field[i] = c.contender()
	}
	first.open(c.t)
	if c.r.IntN(4) > 0 { // else all start at once
		c.pause()
		kill(0)
	}
	others.open(c.t)
	for i := len(killed); i < kills; i++ {
		c.pause()
		kill(i)
	}
	c.judge(c.field[kills:], killed)
	kit.Must(c.t, c.remove(c.sight()))
}

// pause is until any moment, or until the object is there.
func (c *race) pause() {
	moment, atSight := time.Duration(c.r.IntN(int(500*time.Microsecond))), c.r.IntN(2) == 0
	for end := time.Now().Add(moment); time.Now().Before(end); {
		if _, err := c.lookup(c.key); err == nil && atSight {
			return
		}
	}
}

// sight waits until the object is there and returns its id.
func (c *race) sight() (id int) {
	c.t.Helper()
	for end := time.Now().Add(kit.Patience); time.Now().Before(end); {
		id, err := c.lookup(c.key)
		if err == nil {
			return id
		}
		if !errors.Is(err, fs.ErrNotExist) {
			c.t.Fatal(err)
		}
	}
	c.t.Fatal("nobody creates it")
	return 0
}

// judge checks what the survivors say: all of them have one object, whole, and only
// its maker says that it created it.
func (c *race) judge(survivors []*sysvtest.Process, killed map[int]bool) {
	c.t.Helper()
	said := make(map[string]int)
	alive := make(map[int]bool)
	for _, p := range survivors {
		said[p.Line()]++
		alive[p.Process.Pid] = true
	}
	var id, maker int
	var err error
	for line := range said {
		_, err = fmt.Sscanf(line, c.kind+" %d of process %d", &id, &maker)
	}
	if err != nil || len(said) != 1 || id != c.sight() || alive[maker] == killed[maker] {
		c.t.Fatalf("they say %v, want one %s of one of them", said, c.kind)
	}
	if killed[maker] {
		c.orphans++
	}
}

// Processes that open or create the object of one key at once, of whom some are
// killed at it, all come to the same one, whole: what a dead maker left half-made
// is made anew.
func TestCreationStorm(t *testing.T) {
	crowd, kills, rounds := storm.Size(8, 64), storm.Size(2, 4), storm.Amount(6, 200)
	for kind := range prizes {
		t.Run(kind, func(t *testing.T) {
			start := time.Now()
			c := newRace(t, kind, crowd)
			for round := range rounds {
				c.run(c.sizes[round%len(c.sizes)], kills)
			}
			for _, p := range c.field {
				p.Finish()
			}
			t.Logf("creation storm: %d rounds of %d processes for one %s, %d SIGKILLs in %v: never two makers; %d makers died after they had made it",
				rounds, crowd, kind, rounds*kills, time.Since(start).Round(100*time.Millisecond), c.orphans)
		})
	}
}
