//go:build linux && !android

package storm_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
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
	"github.com/google/go-cmp/cmp"
)

// A family is objects that have all but their keys and ids in common, so that
// anybody can tell whether what a list says of one can be true. The key says
// which family one belongs to.
type family struct {
	first  int // key, after the storm's
	values []int
	size   int
	mode   fs.FileMode
}

var (
	targets   = family{first: 0x0001, values: []int{0, 2}, size: 3 * 4096, mode: 0o600} // are removed
	witnesses = family{first: 0x0100, values: []int{7, 8, 9}, size: 1234, mode: 0o604}  // are there all the time
	mayflies  = family{first: 0x1000, values: []int{5, 5, 5, 5}, size: 99, mode: 0o640} // come and go
)

// witnessCount is so many that a list does not fit into one read.
const witnessCount = 60

// familyKeys is how far the keys of a storm reach.
const familyKeys = 0x10000

func familyOf(offset int) *family {
	switch {
	case offset >= familyKeys:
	case offset >= mayflies.first:
		return &mayflies
	case offset >= witnesses.first:
		return &witnesses
	case offset >= targets.first:
		return &targets
	}
	return nil
}

func (f family) createSet(base sysv.Key, i int) (*sem.Set, error) {
	return sem.Create(base+sysv.Key(f.first+i), f.values, &sem.Config{Mode: f.mode})
}

func (f family) createSegment(base sysv.Key, i int) (*shm.Segment, error) {
	return shm.Create(base+sysv.Key(f.first+i), f.size, &shm.Config{Mode: f.mode})
}

// The semaphores of a target: one that nobody ever adds to, and one that
// changes all the time.
const (
	neverNum = iota
	changingNum
)

// pattern is what the memory of a target has, all over.
const pattern = 0xa5

// A player plays a part in each round, with what is going to be removed.
type player struct {
	base  sysv.Key
	n     int
	gate  gate
	seen  map[string]any // witnesses, as they were first listed
	set   *sem.Set
	seg   *shm.Segment
	pause time.Duration
}

// playerHelper plays the part that each line names, with the set, the segment
// and the pause of the line, and prints how that ended.
var playerHelper = sysvtest.Helper("player", func(args []string) error {
	v, err := kit.Numbers(args)
	if err != nil {
		return err
	}
	set, err := sem.OpenID(v[2])
	if err != nil {
		return err
	}
	p := &player{base: sysv.Key(v[0]), n: v[1], gate: gate{set: set}, seen: make(map[string]any)}
	for line := range instructions() {
		if err := p.play(line); err != nil {
			fmt.Println(strings.ReplaceAll(err.Error(), "\n", "; "))
			continue
		}
		fmt.Println("done")
	}
	return nil
})

func (p *player) play(line string) error {
	var part string
	var setID, segID int
	_, err := fmt.Sscan(line, &part, &setID, &segID, (*int64)(&p.pause))
	if err != nil {
		return err
	}
	if p.set, p.seg, err = openBoth(setID, segID); err != nil {
		return err
	}
	if part != waits { // who waits in the kernel by then
		if err := p.gate.pass(); err != nil {
			return err
		}
	}
	return parts[part](p)
}

const (
	waits   = "waits"
	removes = "removes"
)

// parts are what players do. The test hands them out in turn.
var (
	parts = map[string]func(*player) error{
		waits:     (*player).wait,
		"changes": (*player).change,
		"looks":   (*player).look,
		"attach":  (*player).attach,
		"lists":   (*player).list,
		"churns":  (*player).churn,
		removes:   (*player).remove,
	}
	program = []string{waits, "changes", "attach", "lists", removes, "looks", waits, "churns", "attach", removes}
)

// wait waits in vain, in one of the ways to do that.
func (p *player) wait() error {
	ctx, cancel := context.WithCancel(bg)
	defer cancel()
	switch p.n % 4 {
	case 0:
		return p.setIsGone(p.set.Do(bg, sem.Op{Num: neverNum, Delta: -1}))
	case 1:
		return p.setIsGone(p.set.Do(ctx, sem.Op{Num: changingNum, Delta: +1, Flags: sem.Undo}, sem.Op{Num: neverNum, Delta: -1}))
	case 2:
		return p.setIsGone(p.set.Mutex(neverNum).Lock(bg))
	}
	return p.setIsGone(p.set.Counting(neverNum, sem.Undo).Acquire(ctx, 1))
}

// change takes and gives back, and waits in between for others to do so.
func (p *player) change() error {
	for delta := -1; ; delta = -delta {
		if err := p.set.Do(bg, sem.Op{Num: changingNum, Delta: delta, Flags: sem.Undo}); err != nil {
			return p.setIsGone(err)
		}
	}
}

func (p *player) look() error {
	for {
		stat, err := p.set.Stat()
		if err != nil {
			return p.setIsGone(err)
		}
		values, err := p.set.Values()
		if err != nil {
			return p.setIsGone(err)
		}
		if stat.Len != len(targets.values) || stat.Mode != targets.mode || values[neverNum] != 0 || values[changingNum] > targets.values[changingNum] {
			return fmt.Errorf("set with values %v: %+v", values, stat)
		}
	}
}

// setIsGone checks that the error with which something ended, and that of all
// that comes later, is ErrRemoved.
func (p *player) setIsGone(err error) error {
	s, id := p.set, p.set.ID()
	if !errors.Is(err, sysv.ErrRemoved) {
		return fmt.Errorf("set %d: %w", id, err)
	}
	for name, err := range map[string]error{
		"Do":        s.Do(bg, sem.Op{Num: changingNum, Delta: 1}),
		"a wait":    s.Do(bg, sem.Op{Num: neverNum, Delta: -1}),
		"Try":       second(s.Try(sem.Op{Num: changingNum, Delta: 1})),
		"Lock":      s.Mutex(neverNum).Lock(bg),
		"Acquire":   s.Counting(neverNum, 0).Acquire(bg, 1),
		"Value":     second(s.Value(neverNum)),
		"Values":    second(s.Values()),
		"Waiters":   second(s.Waiters(neverNum)),
		"LastPID":   second(s.LastPID(neverNum)),
		"Stat":      second(s.Stat()),
		"SetValue":  s.SetValue(neverNum, 1),
		"SetValues": s.SetValues(targets.values),
		"SetMode":   s.SetMode(0o600),
		"Remove":    s.Remove(),
	} {
		if !errors.Is(err, sysv.ErrRemoved) {
			return fmt.Errorf("set %d is removed, and %s has the error %v", id, name, err)
		}
	}
	if _, err := sem.OpenID(id); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("set %d is removed, and OpenID has the error %v", id, err)
	}
	return nil
}

func second[T any](_ T, err error) error { return err }

// attach attaches and detaches until the segment is removed, and waits until
// all who are attached have gone. What they have attached is whole to the end.
func (p *player) attach() error {
	for removed := false; !removed; {
		mem, err := p.seg.Attach(nil)
		if errors.Is(err, sysv.ErrRemoved) {
			break
		}
		if err != nil {
			return err
		}
		stat, err := p.seg.Stat()
		if err != nil || stat.Nattch < 1 || stat.Size != int64(targets.size) {
			return fmt.Errorf("attached: %+v, error %v", stat, err)
		}
		removed = stat.Dest
		if n := bytes.Count(mem.Bytes(), []byte{pattern}); n != targets.size {
			return fmt.Errorf("%d of %d bytes are as they were: %+v", n, targets.size, stat)
		}
		if err := mem.Detach(); err != nil {
			return err
		}
	}
	for end := time.Now().Add(kit.Patience); ; time.Sleep(50 * time.Microsecond) {
		stat, err := p.seg.Stat()
		if err != nil {
			return p.segmentIsGone(err)
		}
		if time.Now().After(end) {
			return fmt.Errorf("removed, and never destroyed: %+v", stat)
		}
	}
}

func (p *player) segmentIsGone(err error) error {
	s, id := p.seg, p.seg.ID()
	if !errors.Is(err, sysv.ErrRemoved) {
		return fmt.Errorf("segment %d: %w", id, err)
	}
	for name, err := range map[string]error{
		"Attach":    second(s.Attach(nil)),
		"Stat":      second(s.Stat()),
		"SetMode":   s.SetMode(0o600),
		"LockPages": s.LockPages(),
		"Remove":    s.Remove(),
	} {
		if !errors.Is(err, sysv.ErrRemoved) {
			return fmt.Errorf("segment %d is gone, and %s has the error %v", id, name, err)
		}
	}
	if _, err := shm.OpenID(id); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("segment %d is gone, and OpenID has the error %v", id, err)
	}
	return nil
}

var errLate = errors.New("it was removed")

// remove is one of several, of whom one removes the set.
func (p *player) remove() error {
	time.Sleep(p.pause)
	if err := p.seg.Remove(); err != nil && !errors.Is(err, sysv.ErrRemoved) {
		return err
	}
	err := p.set.Remove()
	if errors.Is(err, sysv.ErrRemoved) {
		return errLate
	}
	return err
}

// churn makes objects and removes them, so that their places in the kernel's
// tables are taken again at once.
func (p *player) churn() error {
	for range 10 {
		set, err := mayflies.createSet(p.base, p.n)
		if err != nil {
			return err
		}
		seg, err := mayflies.createSegment(p.base, p.n)
		if err != nil {
			return err
		}
		mem, err := seg.Attach(nil)
		if err != nil {
			return err
		}
		if err := errors.Join(set.Remove(), seg.Remove(), mem.Detach()); err != nil {
			return err
		}
	}
	return nil
}

// list lists everything until the set is gone.
func (p *player) list() error {
	for gone := false; !gone; {
		_, err := p.set.Stat()
		gone = errors.Is(err, sysv.ErrRemoved)
		sets, err := sem.List()
		if err != nil {
			return err
		}
		segs, err := shm.List()
		if err != nil {
			return err
		}
		if err := errors.Join(p.checkSets(sets), p.checkSegments(segs)); err != nil {
			return err
		}
	}
	return nil
}

func (p *player) checkSets(list []sem.Stat) error {
	l := listing{player: p, noun: "set", ids: make(map[int]bool)}
	for _, s := range list {
		f := l.add(s.ID, s.Perm, s)
		if f != nil && (s.Len != len(f.values) || s.CTime.IsZero()) {
			l.complain("a set", s)
		}
	}
	return l.end()
}

func (p *player) checkSegments(list []shm.Stat) error {
	l := listing{player: p, noun: "segment", ids: make(map[int]bool)}
	for _, s := range list {
		f := l.add(s.ID, s.Perm, s)
		if f != nil && (s.Size != int64(f.size) || s.CTime.IsZero() || s.CPID <= 0 || s.Nattch > 1000) {
			l.complain("a segment", s)
		}
		if s.Dest && s.Key != sysv.Private {
			l.complain("a removed segment with a key", s)
		}
	}
	return l.end()
}

// A listing is a list that is being checked.
type listing struct {
	*player
	noun      string
	ids       map[int]bool
	witnesses int
	errs      []error
}

// add checks what sets and segments have in common, and returns the family. It
// is nil for segments that are removed, whose key nobody knows, and for objects
// of others, where the tests have no namespace of their own.
func (l *listing) add(id int, perm sysv.Perm, stat any) *family {
	if id < 0 || l.ids[id] {
		l.complain("an id again", stat)
	}
	l.ids[id] = true
	f := familyOf(int(perm.Key - l.base))
	if f == nil {
		return nil
	}
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	mode := f.mode
	if l.noun == "set" && f != &witnesses && perm.Mode == object.Making {
		mode = object.Making // its creator has yet to give it its own
	}
	if want := (sysv.Perm{Key: perm.Key, UID: uid, GID: gid, CUID: uid, CGID: gid, Mode: mode}); perm != want {
		l.complain("permissions", stat)
	}
	if f == &witnesses {
		l.witness(id, stat)
	}
	return f
}

// witness checks that nothing changes of what nobody touches.
func (l *listing) witness(id int, stat any) {
	l.witnesses++
	name := fmt.Sprint(l.noun, id)
	if was, ok := l.seen[name]; ok && was != stat {
		l.complain("one that nobody touches", stat)
	}
	l.seen[name] = stat
}

func (l *listing) complain(about string, stat any) {
	l.errs = append(l.errs, fmt.Errorf("%s, listed as %+v", about, stat))
}

func (l *listing) end() error {
	if l.witnesses != witnessCount {
		l.errs = append(l.errs, fmt.Errorf("%d of the %d %ss that stay are listed", l.witnesses, witnessCount, l.noun))
	}
	return errors.Join(l.errs...)
}

// A stage is where the players meet.
type stage struct {
	t       *testing.T
	r       *rand.Rand
	base    sysv.Key
	gate    gate
	players []*sysvtest.Process
	played  map[string]int
}

func newStage(t *testing.T, crowd int) *stage {
	s := &stage{
		t: t, r: storm.Random(t), played: make(map[string]int),
		base: sysv.RandomKey() &^ (familyKeys - 1), gate: gate{set: newSet(t, 1)},
	}
	t.Cleanup(s.removeFamilies)
	for i := range witnessCount {
		_, err := witnesses.createSet(s.base, i)
		kit.Must(t, err)
		_, err = witnesses.createSegment(s.base, i)
		kit.Must(t, err)
	}
	for n := range crowd {
		s.players = append(s.players, sysvtest.Start(t, playerHelper,
			strconv.Itoa(int(s.base)), strconv.Itoa(n), strconv.Itoa(s.gate.set.ID())))
	}
	return s
}

func (s *stage) removeFamilies() {
	sets, err := sem.List()
	kit.Must(s.t, err)
	for _, stat := range sets {
		if familyOf(int(stat.Key-s.base)) != nil {
			_, err := sys.Semctl(stat.ID, 0, sys.IPC_RMID)
			kit.Must(s.t, err)
		}
	}
	segs, err := shm.List()
	kit.Must(s.t, err)
	for _, stat := range segs {
		if familyOf(int(stat.Key-s.base)) != nil {
			kit.Must(s.t, sys.Shmctl(stat.ID, sys.IPC_RMID))
		}
	}
}

func (s *stage) newTargets() (*sem.Set, *shm.Segment) {
	s.t.Helper()
	set, err := targets.createSet(s.base, 0)
	kit.Must(s.t, err)
	seg, err := targets.createSegment(s.base, 0)
	kit.Must(s.t, err)
	mem, err := seg.Attach(nil)
	kit.Must(s.t, err)
	_, err = mem.WriteAt(bytes.Repeat([]byte{pattern}, targets.size), 0)
	kit.Must(s.t, err)
	kit.Must(s.t, mem.Detach())
	return set, seg
}

// perform is one round. It begins with everybody in their places.
func (s *stage) perform(round int) {
	s.t.Helper()
	set, seg := s.newTargets()
	s.gate.shut(s.t)
	cast := make(map[string]int)
	for i, p := range s.players {
		part := program[(i+round)%len(program)]
		cast[part]++
		s.played[part]++
		p.Send(fmt.Sprintf("%s %d %d %d", part, set.ID(), seg.ID(), s.r.IntN(int(300*time.Microsecond))))
	}
	awaitWaiters(s.t, set, neverNum, cast[waits], "all who wait do")
	s.gate.await(s.t, len(s.players)-cast[waits])
	s.gate.open(s.t)
	got := make(map[string]int)
	for _, p := range s.players {
		got[p.Line()]++
	}
	late := cast[removes] - 1 // but for the one who removes the set
	if diff := cmp.Diff(map[string]int{"done": len(s.players) - late, errLate.Error(): late}, got); diff != "" {
		s.t.Fatalf("the players (-want +got):\n%s", diff)
	}
	if _, err := set.Stat(); !errors.Is(err, sysv.ErrRemoved) {
		s.t.Errorf("in the end: error %v", err)
	}
	if _, err := seg.Stat(); !errors.Is(err, sysv.ErrRemoved) {
		s.t.Errorf("in the end: error %v", err)
	}
}

// A set and a segment are removed while processes wait, change, look, attach
// and list: all of them end with ErrRemoved, or with a list that is true.
func TestRemovalStorm(t *testing.T) {
	crowd, rounds := storm.Size(2*len(program), 64), storm.Amount(5, 200)
	start := time.Now()
	s := newStage(t, crowd)
	for round := range rounds {
		s.perform(round)
	}
	for _, p := range s.players {
		p.Finish()
	}
	t.Logf("removal storm: %d rounds of %d processes in %v, with parts for %v",
		rounds, crowd, time.Since(start).Round(100*time.Millisecond), s.played)
}
