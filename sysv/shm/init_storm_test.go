//go:build linux && !android

package shm_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// A ledger is in a segment that all who take part in a storm share. It has what is to
// become of the creators of a round, in the order in which they make segments, and
// what they did.
type ledger struct {
	Made    atomic.Uint32 // segments of this round
	Fates   [maxMade]mark
	Fills   [maxMade]fill
	Members [maxCrowd]member
}

const (
	maxMade  = 256
	maxCrowd = 64
)

// A mark is a step at which a process is to end: its number in allSteps and one more,
// and whether it is killed or stopped there.
type mark struct{ Step, Stops atomic.Uint32 }

// A fill is that of the segment that was made as this one of the round.
type fill struct{ ID, PID, Whole atomic.Uint32 }

// A member is one of the crowd: what it has got once it is done, or what it is about
// to come to.
type member struct {
	State              atomic.Uint32
	ID, Value, Created atomic.Uint32
	Fate               mark // as an opener
}

const (
	busy = iota
	settled
	failed
	killing
	stopping
)

var allSteps = slices.Concat(creationSteps, openingSteps)

// settler opens or fills the segment of each line's key, with the line's grace, as
// one of the members of a ledger, and sees what is in it.
var settler = sysvtest.Helper("settler", func(args []string) error {
	v, err := kit.Numbers(args)
	if err != nil {
		return err
	}
	l, err := ledgerOf(v[0])
	if err != nil {
		return err
	}
	s := &settling{ledger: l, member: &l.Members[v[1]]}
	shm.AtStep(s.at)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var key sysv.Key
		if _, err := fmt.Sscan(in.Text(), (*uint32)(&key), (*int64)(&object.Grace)); err != nil {
			return err
		}
		state := uint32(settled)
		if err := s.settle(key); err != nil {
			fmt.Println(err)
			state = failed
		}
		s.member.State.Store(state)
	}
	return nil
})

func ledgerOf(id int) (*ledger, error) {
	seg, err := shm.OpenID(id)
	if err != nil {
		return nil, err
	}
	m, err := seg.Attach(nil)
	if err != nil {
		return nil, err
	}
	return shm.View[ledger](m, 0)
}

// A settling is a member at it.
type settling struct {
	*ledger
	member *member
	made   uint32 // which segment of the round it has made
	fate   *mark  // as its creator
}

func (s *settling) settle(key sysv.Key) error {
	s.fate = new(mark)
	for {
		m, created, err := shm.OpenOrInit(bg, key, initSize, &shm.Config{Mode: 0o666}, s.fill)
		if os.Geteuid() != 0 && err != nil && strings.Contains(err.Error(), "or root makes it anew") {
			time.Sleep(time.Millisecond) // for root to do that
			continue
		}
		if err != nil {
			return err
		}
		value, err := evenly(m)
		if err != nil {
			return err
		}
		s.member.ID.Store(uint32(m.Segment().ID()))
		s.member.Value.Store(value)
		s.member.Created.Store(0)
		if created {
			s.member.Created.Store(1)
		}
		return m.Detach()
	}
}

// evenly returns the value that every word of a segment has, which may be 0.
func evenly(m *shm.Mapping) (uint32, error) {
	words, err := shm.Slice[uint32](m, 0, m.Len()/4)
	if err != nil {
		return 0, err
	}
	for i, w := range words {
		if w != words[0] {
			return 0, fmt.Errorf("segment %d: %#x in the first word, %#x in word %d", m.Segment().ID(), words[0], w, i)
		}
	}
	return words[0], nil
}

func (s *settling) fill(m *shm.Mapping) error {
	if v, err := evenly(m); v != 0 || err != nil {
		return fmt.Errorf("segment %d is to be filled and has %#x, %v", m.Segment().ID(), v, err)
	}
	f := &s.Fills[s.made]
	f.ID.Store(uint32(m.Segment().ID()))
	f.PID.Store(uint32(os.Getpid()))
	words, err := shm.Slice[uint32](m, 0, m.Len()/4)
	if err != nil {
		return err
	}
	for i := range words {
		if i == len(words)/2 {
			s.at("filling")
		}
		words[i] = s.made + 1
	}
	f.Whole.Store(1)
	return nil
}

// at meets the fate of the creator, or of the opener, if it is to be met here.
func (s *settling) at(step string) {
	if step == "made" {
		s.made = s.Made.Add(1) - 1
		s.fate = &s.Fates[s.made]
	}
	fate := s.fate
	if slices.Contains(openingSteps, step) {
		fate = &s.member.Fate
	}
	if n := slices.Index(allSteps, step) + 1; n == 0 || fate.Step.Load() != uint32(n) {
		return
	}
	fate.Step.Store(0)
	if fate.Stops.Load() == 0 {
		s.member.State.Store(killing)
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	s.member.State.Store(stopping)
	kit.StopHere()
}

// A settlement is a crowd that opens or fills one segment after the other.
type settlement struct {
	*ledger
	t     *testing.T
	r     *rand.Rand
	id    int
	crowd []*sysvtest.Process
	grace time.Duration

	kills, stops int
}

func newSettlement(t *testing.T, crowd int, grace time.Duration) *settlement {
	seg := create(t, 64<<10, &shm.Config{Mode: 0o666})
	s := &settlement{t: t, r: storm.Random(t), id: seg.ID(), grace: grace}
	var err error
	s.ledger, err = shm.View[ledger](attach(t, seg, nil), 0)
	kit.Must(t, err)
	for i := range crowd {
		s.crowd = append(s.crowd, s.settler(i))
	}
	return s
}

// settler starts a member. Every fourth is another user, where root can make one.
func (s *settlement) settler(i int) *sysvtest.Process {
	cmd := sysvtest.Command(settler, strconv.Itoa(s.id), strconv.Itoa(i))
	if i%4 == 3 {
		cmd = kit.Ordinary(cmd)
	}
	return sysvtest.StartCommand(s.t, cmd)
}

// begin has all open or fill the segment of a key.
func (s *settlement) begin(key sysv.Key) {
	for _, i := range s.r.Perm(len(s.crowd)) {
		s.Members[i].State.Store(busy)
		s.crowd[i].Send(fmt.Sprint(uint32(key), int64(s.grace)))
	}
}

// doom is the fate of so many creators, each of which is killed or too late before
// its segment is anybody's, and of the one after them, and of some who open.
func (s *settlement) doom(creators int) {
	s.Made.Store(0)
	for i := range s.Fills {
		s.Fills[i].ID.Store(0)
		s.Fills[i].PID.Store(0)
		s.Fills[i].Whole.Store(0)
		s.Fates[i].Step.Store(0)
	}
	set := func(m *mark, stops bool, steps ...string) {
		m.Step.Store(uint32(slices.Index(allSteps, steps[s.r.IntN(len(steps))]) + 1))
		m.Stops.Store(0)
		if stops {
			m.Stops.Store(1)
		}
	}
	published := slices.Index(creationSteps, "published")
	for i := range creators {
		set(&s.Fates[i], false, creationSteps[:published]...)
	}
	set(&s.Fates[s.r.IntN(creators)], true, "made", "attached")
	if s.r.IntN(2) == 0 {
		set(&s.Fates[creators], true, creationSteps[2:]...)
	} else {
		set(&s.Fates[creators], false, creationSteps[published:]...)
	}
	for range 1 + len(s.crowd)/16 {
		set(&s.Members[s.r.IntN(len(s.crowd))].Fate, s.r.IntN(3) > 0, openingSteps...)
	}
}

// end waits until all have a segment who live. Who has stopped goes on after a
// while, and who was killed is replaced for the next time.
func (s *settlement) end() (settlers []int) {
	s.t.Helper()
	left := s.r.Perm(len(s.crowd))
	resume := make(map[int]time.Time)
	kit.Eventually(s.t, "all come to an end", func() bool {
		left = slices.DeleteFunc(left, func(i int) bool {
			p, state := s.crowd[i], s.Members[i].State.Load()
			switch state {
			case settled:
				settlers = append(settlers, i)
				return true
			case failed:
				s.t.Errorf("%s: %s", p, p.Line())
				return true
			case killing:
				kit.Eventually(s.t, "it is gone", func() bool { return kit.State(p.Process.Pid) == kit.Gone })
				s.kills++
				s.crowd[i] = s.settler(i)
				return true
			case stopping:
				if at, ok := resume[i]; !ok {
					kit.AwaitStopped(s.t, p.Process.Pid)
					resume[i] = time.Now().Add(time.Duration(s.r.Int64N(int64(3 * s.grace))))
				} else if time.Now().After(at) {
					delete(resume, i)
					s.stops++
					s.Members[i].State.Store(busy)
					kit.Must(s.t, syscall.Kill(p.Process.Pid, syscall.SIGCONT))
				}
			}
			return false
		})
		return len(left) == 0
	})
	for i := range s.crowd {
		s.Members[i].Fate.Step.Store(0)
	}
	return settlers
}

// judge checks what those have got who live: one segment, the one that its key names,
// filled by one process, which is the one that says so, if it lives. Everybody else who
// filled one is dead: no creator that lived was replaced.
func (s *settlement) judge(key sysv.Key, settlers []int) {
	s.t.Helper()
	id := theSegment(s.t, key)
	made := s.Members[settlers[0]].Value.Load()
	if made == 0 || made > s.Made.Load() {
		s.t.Fatalf("segment %d is filled with %d, of %d that were made", id, made, s.Made.Load())
	}
	filler := &s.Fills[made-1]
	if int(filler.ID.Load()) != id || filler.Whole.Load() != 1 {
		s.t.Errorf("segment %d was filled as segment %d, wholly: %d", id, filler.ID.Load(), filler.Whole.Load())
	}
	pids := make(map[uint32]bool)
	for _, i := range settlers {
		m, pid := &s.Members[i], uint32(s.crowd[i].Process.Pid)
		pids[pid] = true
		if int(m.ID.Load()) != id || m.Value.Load() != made {
			s.t.Errorf("%s has segment %d of %d, want %d of %d", s.crowd[i], m.ID.Load(), m.Value.Load(), id, made)
		}
		if created := m.Created.Load() == 1; created != (pid == filler.PID.Load()) {
			s.t.Errorf("%s: created %v, and process %d filled it", s.crowd[i], created, filler.PID.Load())
		}
	}
	for i := range s.Made.Load() {
		f := &s.Fills[i]
		if i != made-1 && (int(f.ID.Load()) == id || pids[f.PID.Load()]) {
			s.t.Errorf("segment %d was filled, too, by process %d: it lives: %v", f.ID.Load(), f.PID.Load(), pids[f.PID.Load()])
		}
	}
	st := stat(s.t, openID(s.t, id))
	if st.Mode != 0o666 || st.Nattch != 0 || st.Dest {
		s.t.Errorf("segment %d: %+v", id, st)
	}
	kit.Must(s.t, openID(s.t, id).Remove())
}

// foreign has the crowd open a segment that another program made, with zeros, and
// wants it as it was, and a set beside it.
func (s *settlement) foreign() {
	s.t.Helper()
	key := initKey(s.t)
	id, err := sys.Shmget(int32(key), initSize, 0o777|sys.IPC_CREAT|sys.IPC_EXCL)
	kit.Must(s.t, err)
	set, err := sys.Semget(int32(key), 1, 0o777|sys.IPC_CREAT|sys.IPC_EXCL)
	kit.Must(s.t, err)
	s.Made.Store(0)
	s.begin(key)
	for _, i := range s.end() {
		m := &s.Members[i]
		if int(m.ID.Load()) != id || m.Value.Load() != 0 || m.Created.Load() != 0 {
			s.t.Errorf("%s has segment %d, filled with %d, created: %d", s.crowd[i], m.ID.Load(), m.Value.Load(), m.Created.Load())
		}
	}
	if now := theSegment(s.t, key); now != id || s.Made.Load() != 0 {
		s.t.Errorf("the key names segment %d, want %d; %d were made", now, id, s.Made.Load())
	}
	kit.Must(s.t, openID(s.t, id).Remove())
	_, err = sys.Semctl(set, 0, sys.IPC_RMID)
	kit.Must(s.t, err)
}

func openID(t testing.TB, id int) *shm.Segment {
	t.Helper()
	seg, err := shm.OpenID(id)
	kit.Must(t, err)
	return seg
}

// However many creators are killed, before and after each of their system calls, or
// stopped and late: nobody sees a segment that is not filled, none is filled twice, no
// creator that lives is replaced, and nothing is left that somebody has to remove.
// What others have made is taken as it is.
func TestInitStorm(t *testing.T) {
	emulator.Mode.Skip(t)
	crowd, rounds, kills := storm.Size(12, maxCrowd), storm.Amount(4, 200), storm.Amount(0, 1000)
	s := newSettlement(t, crowd, shortly)
	before := len(segments(t))
	begin := time.Now()
	round := 0
	for ; round < rounds || s.kills < kills; round++ {
		s.round(round%10 == 3, storm.Size(3, 6))
		if left := segments(t); len(left) != before {
			t.Fatalf("round %d: these are left: %+v", round, left)
		}
	}
	t.Logf("init storm: %d kills and %d stops in %d rounds of %d openers in %v",
		s.kills, s.stops, round, crowd, time.Since(begin).Round(100*time.Millisecond))
	if rounds := storm.Amount(0, 10); rounds > 0 {
		s.grace, s.kills, s.stops, begin = object.Grace, 0, 0, time.Now()
		for range rounds {
			s.round(false, 1)
		}
		t.Logf("init storm: %d kills and %d stops in %d rounds with the real grace in %v",
			s.kills, s.stops, rounds, time.Since(begin).Round(100*time.Millisecond))
	}
	for _, p := range s.crowd {
		p.Finish()
	}
}

func (s *settlement) round(foreign bool, creators int) {
	s.t.Helper()
	if foreign {
		s.foreign()
		return
	}
	key := initKey(s.t)
	s.doom(creators)
	s.begin(key)
	s.judge(key, s.end())
}

func segments(t testing.TB) []shm.Stat {
	t.Helper()
	list, err := shm.List()
	kit.Must(t, err)
	return list
}
