//go:build sysvipc_steps && linux && !android

package lock_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// A scene is what the processes A, B, C ... do around a victim V, which dies at
// a step. A script is a list of "WHO COMMAND: OUTCOME", where no outcome is ok.
// Commands are those of an actor, on mutex 0, and others:
//
//	round...  who does it waits in the kernel, and goes on with others
//	open &    others go on at once, whether it is done or not
//	answers   its answer to one of these is waited for
//	at STEP   it is waited for where "stop STEP" told it to stop; "go" lets it go on
//	give up   the context of its locks ends
//	kill
//
// "tokens N" says how many tokens the mutex has. "word ruined", "word freed",
// "ipcrm segment" and "ipcrm set" are a hand from outside. All the while C locks and unlocks mutex 1, and leaves
// and joins.
type scene struct {
	step   string
	again  string // why there is more than one scene of the step
	before string // V comes to the step in the last of its commands
	then   string // V is there, and lives
	after  string // V is dead

	entries    uint32 // V's, made under mutex 0
	recoveries int    // of mutex 0
	still      bool   // C stays, and so the next to join gets a dead one's place
}

// After each scene whoever waits gets mutex 0, and then everybody does. Where it
// is not written here that somebody hears of it as abandoned, nobody does.
var scenes = []scene{
	{step: "joinTaken", before: "V open"},
	{step: "generationRaised", before: "V open"},
	{step: "slotTaken", before: "V open"},
	{step: "joined", before: "V open"},
	{step: "joinTaken", again: "in a dead owner's place", before: "X lock; X kill; V open", then: "B round: abandoned", recoveries: 1, still: true},
	{step: "generationRaised", again: "in a dead owner's place", before: "X lock; X kill; V open", then: "B round: abandoned", recoveries: 1, still: true},
	{step: "slotTaken", again: "in a dead owner's place", before: "X lock; X kill; V open", then: "B round: abandoned", recoveries: 1, still: true},
	{step: "joined", again: "in a dead owner's place", before: "X lock; X kill; V open", then: "B round: abandoned", recoveries: 1, still: true},

	{step: "drained", before: "X lock; X unlock; X kill; Y lock; Y unlock; Y kill; tokens 2; V lock", then: "tokens 1", after: "tokens 1"},
	{step: "armed", before: "V lock", then: "tokens 0", after: "tokens 1"},
	{step: "armed", again: "while others wait", before: "A lock; B round...; V lock", after: "A unlock"},

	{step: "locked", again: "for the first time", before: "V lock", then: "B round...: abandoned", recoveries: 1},
	{step: "locked", again: "once more", before: "V lock; V count; V unlock; V lock", then: "B round...: abandoned", entries: 1, recoveries: 1},
	{step: "locked", again: "without waiting", before: "V try to lock", then: "B round...: abandoned", recoveries: 1},
	{step: "locked", again: "what somebody left unrepaired", before: "X lock; X kill; A lock as it is: abandoned; A unlock; V lock", then: "B round...: abandoned", recoveries: 2},
	{step: "locked", again: "with nobody waiting", before: "V lock", after: "B round: abandoned", recoveries: 1},
	{step: "lockedAfterWait", before: "A lock; V lock...; A unlock", then: "B round...: abandoned", recoveries: 1},
	{step: "lockedAfterWait", again: "though it gave up", before: "A lock; V stop wokenUp; V lock...; A unlock; V at wokenUp; V give up; V go", then: "B round...: abandoned", recoveries: 1},

	{step: "waitersMarked", before: "A lock; V lock", then: "B round...", after: "A unlock"},
	{step: "waitersMarked", again: "and nobody else waits", before: "A lock; V lock", after: "A unlock; B round"},
	{step: "waitersMarked", again: "once more in a Lock", before: "A lock; V stop wokenUp; V lock...; A unlock; V at wokenUp; A lock; A unlock; A lock; V go", then: "B round...", after: "A unlock"},
	{step: "waitersMarked", again: "though it gave up", before: "A lock; V stop wokenUp; V lock...; A unlock; V at wokenUp; A lock; A unlock; A lock; V give up; V go", then: "B round...", after: "A unlock"},
	{step: "waitersMarked", again: "of a dead one", before: "X lock; X kill; V lock", then: "B round: abandoned", recoveries: 1},
	{step: "ownerSeen", again: "alive", before: "A lock; V lock", then: "B round...", after: "A unlock"},
	{step: "ownerSeen", again: "alive, once more in a Lock", before: "A lock; V stop wokenUp; V lock...; A unlock; V at wokenUp; A lock; V go", then: "B round...", after: "A unlock"},
	{step: "ownerSeen", again: "dead", before: "X lock; X kill; V lock", then: "B round: abandoned", recoveries: 1},
	{step: "ownerSeen", again: "dead, without waiting", before: "X lock; X kill; V try to lock", after: "B round: abandoned", recoveries: 1},
	{step: "ownerSeen", again: "dead, but another took over", before: "X lock; X kill; V stop ownerSeen; V lock &; V at ownerSeen; A lock: abandoned; V go", then: "B round...", after: "A unlock", recoveries: 1},
	{step: "ownerSeen", again: "alive, who dies then", before: "X lock; B round...: abandoned; V lock", then: "X kill", recoveries: 1},
	{step: "wokenUp", before: "A lock; V lock...; B round...; A unlock"},
	{step: "wokenUp", again: "but others were faster", before: "A lock; V lock...; A unlock", then: "A lock; B round...", after: "A unlock"},
	{step: "wokenUp", again: "once more in a Lock", before: "A lock; V stop wokenUp; V lock...; A unlock; V at wokenUp; A lock; V go...; B round...; A unlock"},
	{step: "wokenUp", again: "by a death", before: "X lock; V lock...; B round...: abandoned; X kill", recoveries: 1},

	{step: "longWaitMarked", before: "A lock; V lock", then: "B round...", after: "A unlock"},
	{step: "longWaitMarked", again: "and nobody else waits", before: "A lock; V lock", after: "A unlock; B round"},
	{step: "longWaitMarked", again: "and the mutex is kept", before: "A lock; V lock", then: "A unlock; B try to lock; B unlock", after: "A round"},
	{step: "lockedAfterWait", again: "what was kept", before: "A lock; V stop longWaitMarked; V lock &; V at longWaitMarked; A unlock; V go", then: "B round...: abandoned", recoveries: 1},
	{step: "lockedAfterWait", again: "what was kept, without waiting", before: "A lock; X stop longWaitMarked; X lock &; X at longWaitMarked; A unlock; X kill; V try to lock", then: "B round...: abandoned", recoveries: 1},
	{step: "longWaitEnded", before: "A lock; V stop longWaitMarked; V lock &; V at longWaitMarked; A unlock; V go", then: "B round...: abandoned", recoveries: 1},

	{step: "takenOver", before: "X lock; X kill; V lock", then: "B round...: abandoned", recoveries: 1},
	{step: "takenOver", again: "without waiting", before: "X lock; X kill; V try to lock", then: "B round...: abandoned", recoveries: 1},
	{step: "takenOver", again: "after a wait", before: "X lock; V lock...; X kill", then: "B round...: abandoned", recoveries: 1},
	{step: "takenOver", again: "whose place is another's since", before: "V open; X lock; V stop wokenUp; V lock...; X kill; V at wokenUp; V stop ownerSeen; V go; V at ownerSeen; D open; V go", then: "B round...: abandoned", recoveries: 1, still: true},
	{step: "dirtied", before: "X lock; X kill; V lock", then: "B round...: abandoned", recoveries: 1},
	{step: "recoveryCounted", before: "X lock; X kill; V lock", then: "B round...: abandoned", recoveries: 2},
	{step: "repaired", before: "X lock; X kill; V lock", then: "B round...: abandoned", recoveries: 2},

	{step: "unlocked", before: "V lock; V count; V unlock", then: "B round", entries: 1},
	{step: "unlocked", again: "while others wait", before: "V lock; V count; A round...; B round...; V unlock", entries: 1},
	{step: "unlocked", again: "what it did not repair", before: "X lock; X kill; V lock as it is: abandoned; V unlock", then: "B round: abandoned", recoveries: 1},
	{step: "posted", before: "V lock; V count; A round...; B round...; V unlock", entries: 1},
	{step: "posted", again: "after a wait", before: "A lock; V lock...; B round...; A unlock; V answers; V count; V unlock", entries: 1},
	{step: "posted", again: "by who took a token and fails", before: "A lock; V stop wokenUp; V lock...; A unlock; V at wokenUp; word ruined; V go", then: "word freed; tokens 1", after: "tokens 2"},
	{step: "posted", again: "after taking over", before: "X lock; V lock...: any; B round...: any; X kill; V answers; V count; V unlock", entries: 1, recoveries: 1},

	{step: "slotLeft", before: "V lock; V count; V unlock; V close", then: "D lock", after: "A round...; D unlock", entries: 1},
	{step: "slotLeft", again: "while others wait", before: "V lock; V count; A lock...; V unlock; A answers; B round...; V close", then: "D open", after: "A unlock", entries: 1},
	{step: "slotLeft", again: "alone", before: "V lock; V count; V unlock; V close", after: "tokens 1", entries: 1},
	{step: "disarmed", before: "V lock; V count; V unlock; V close", after: "tokens 0", entries: 1},
	{step: "disarmed", again: "while others wait", before: "V lock; V count; A lock...; V unlock; A answers; B round...; V close", then: "D open", after: "A unlock", entries: 1},
	{step: "left", before: "V lock; V count; V unlock; V close", then: "D open", after: "tokens 0", entries: 1},
}

func TestDeathOfAMember(t *testing.T) {
	for _, sc := range scenes {
		t.Run(strings.TrimSpace(sc.step+" "+sc.again), func(t *testing.T) {
			s := newStage(t)
			s.group = s.create()
			busy := "be"
			if sc.still {
				busy = "stay"
			}
			s.play(fmt.Sprintf("A open; B open; C %s busy elsewhere &", busy))
			s.playTo(sc.step, sc.before)
			s.play(sc.then)
			s.play("V kill")
			s.play(sc.after)
			s.wantAllWell()
			if got := s.seat("V").own[0].Load(); got != sc.entries {
				t.Errorf("%d entries are V's, want %d", got, sc.entries)
			}
			s.wantRecoveries(sc.recoveries)
			s.wantEnd()
		})
	}
}

// In a crowd V comes to most steps soon, but for those of a takeover. It dies by
// its own hand, at no moment that is arranged.
func TestDeathOfAMemberInACrowd(t *testing.T) {
	for _, tt := range []struct {
		step  string
		owner bool
	}{
		{"joinTaken", false}, {"generationRaised", false}, {"slotTaken", false}, {"joined", false},
		{"armed", false}, {"locked", true}, {"waitersMarked", false}, {"ownerSeen", false}, {"wokenUp", false},
		{"lockedAfterWait", true}, {"unlocked", false}, {"posted", false},
		{"slotLeft", false}, {"disarmed", false}, {"left", false},
	} {
		for times := 1; times <= 3; times++ {
			t.Run(fmt.Sprintf("%s %d", tt.step, times), func(t *testing.T) {
				s := newStage(t)
				s.group = s.create()
				s.play("A be busy &: any; B be busy &: any; C be busy &: any")
				s.play(fmt.Sprintf("V die %s %d; V be busy &", tt.step, times))
				s.awaitDeath(tt.step)
				s.wantAllWell()
				want := 0
				if tt.owner {
					want = 1
				}
				s.wantTakeovers(uint32(want))
				s.wantRecoveries(want)
				s.wantEnd()
			})
		}
	}
}

// rwScenes are of deaths beside the RWMutex, which A, B and C get for writing then, and
// nobody hears of as abandoned but where it is written here.
var rwScenes = []scene{
	{step: "crowdCleared", before: "V open"},
	{step: "crowdCleared", again: "of a dead reader", before: "X read; X kill; V open", after: "A write; A unwrite"},
	{step: "generationRaised", again: "in a dead reader's place", before: "X read; X read; X kill; V open", after: "D read; A write &; D unread; A answers; A unwrite"},

	{step: "readerIn", again: "for the first time", before: "V read", then: "A read; B write &", after: "A unread; B answers; B unwrite"},
	{step: "readerIn", again: "twice", before: "V read; V read", after: "B write; B unwrite"},
	{step: "readerIn", again: "after a wait", before: "A write; V read; A unwrite", then: "A write &", after: "A answers; A unwrite"},
	{step: "readerOut", before: "V read; V unread", after: "B write; B unwrite"},
	{step: "readerOut", again: "while a writer waits", before: "V read; B write &; V unread", after: "B answers; B unwrite"},
	{step: "longReadSaid", before: "A write; V read", after: "A unwrite; B write; B unwrite"},
	{step: "longReadSaid", again: "which a writer waits for", before: "A write; V read", then: "A unwrite; B write &", after: "B answers; B unwrite"},
	{step: "readerTookOver", before: "X write; X kill; V read", then: "B read &: abandoned", after: "B answers; B unread; A write: abandoned; A repair; A unwrite"},
	{step: "readerTookOver", again: "from one who waited", before: "A read; X stop locked; X write &; X at locked; X kill; V read", then: "B read &", after: "B answers; A unread; B unread"},

	{step: "openedToReaders", before: "A write; B stop longReadSaid; B read &; B at longReadSaid; A unwrite; V write", then: "B go; B answers; C read", after: "B unread; C unread; A write; A unwrite"},
	{step: "barredToReaders", before: "A write; B stop longReadSaid; B read &; B at longReadSaid; A unwrite; V write", then: "B go", after: "B answers; B unread"},
	{step: "writerIn", before: "V write", then: "B read &: any; C write &: abandoned", after: "C answers; C repair; C downgrade; B answers; B unread; C unread"},
	{step: "writerIn", again: "after readers", before: "A read; B read; V write; A unread; B unread", then: "C read &: abandoned", after: "C answers; C unread; A write: abandoned; A repair; A unwrite"},
	{step: "writerOut", before: "V write; V unwrite", then: "B read &", after: "B answers; B unread"},
	{step: "writerOut", again: "and reads from now on", before: "V write; V downgrade", then: "C write &", after: "C answers; C unwrite"},
	{step: "readersTold", before: "V write; V unwrite", then: "B read; B unread"},
	{step: "readersTold", again: "and reads from now on", before: "V write; V downgrade", then: "B read; C write &", after: "B unread; C answers; C unwrite"},
}

func TestDeathBesideARWMutex(t *testing.T) {
	for _, sc := range rwScenes {
		t.Run(strings.TrimSpace(sc.step+" "+sc.again), func(t *testing.T) {
			s := newStage(t)
			s.group = s.create()
			s.play("A open; B open; C open")
			s.playTo(sc.step, sc.before)
			s.play(sc.then)
			s.play("V kill")
			s.play(sc.after)
			for _, who := range []string{"A", "B", "C"} {
				s.play(who + " rest; " + who + " write; " + who + " unwrite; " + who + " read; " + who + " unread")
			}
			s.wantAllWell()
			s.wantEnd()
		})
	}
}

// stops are where V is stopped and does not hold mutex 0: others get it.
var stops = []scene{
	{step: "armed", before: "A lock; B round...; V lock", then: "A unlock; B answers; A round"},
	{step: "waitersMarked", before: "A lock; V lock", then: "B round...; A unlock; B answers; A round"},
	{step: "ownerSeen", again: "alive", before: "A lock; B round...; V lock", then: "A unlock; B answers; A round"},
	{step: "longWaitMarked", before: "A lock; V lock", then: "A unlock; B round; A round"},
	{step: "unlocked", again: "and it is kept", before: "V lock; V count; A stop longWaitMarked; A round &; A at longWaitMarked; B round...; A go; V unlock", then: "A answers; B answers; C round", entries: 1},
	{step: "ownerSeen", again: "dead", before: "X lock; B round...: abandoned; V lock", then: "X kill; B answers; A round", recoveries: 1},
	{step: "wokenUp", before: "A lock; V lock...; B round...; A unlock", then: "B answers; A round"},
	{step: "wokenUp", again: "by a death", before: "X lock; V lock...; B round...: abandoned; X kill", then: "B answers; A round", recoveries: 1},
	{step: "unlocked", before: "V lock; V count; A round...; B round...; V unlock", then: "A answers; B answers; C round", entries: 1},
	{step: "posted", before: "V lock; V count; A round...; B round...; V unlock", then: "A answers; B answers; C round", entries: 1},

	{step: "readerOut", before: "V read; A write &; V unread", then: "A answers; A unwrite; B read; B unread"},
	{step: "longReadSaid", before: "A write; V read", then: "A unwrite; B write; B unwrite; C read; C unread; A write; A unwrite"},
	{step: "unlocked", again: "by a writer", before: "V write; A read &; V unwrite", then: "A answers; B read; B unread; A unread; C write; C unwrite"},
	{step: "unlocked", again: "by a writer that reads from now on", before: "V write; A read &; V downgrade", then: "A answers; B read; B unread; A unread"},
	{step: "readersTold", before: "V write; A read &; V unwrite", then: "A answers; A unread; B write; B unwrite"},
}

// Nobody waits for a process that is stopped beside the mutex.
func TestStopOfAMember(t *testing.T) {
	for _, sc := range stops {
		t.Run(strings.TrimSpace(sc.step+" "+sc.again), func(t *testing.T) {
			s := newStage(t)
			s.group = s.create()
			s.play("A open; B open; C open")
			s.playTo(sc.step, sc.before)
			s.play(sc.then)
			s.play("V kill")
			s.wantAllWell()
			if got := s.seat("V").own[0].Load(); got != sc.entries {
				t.Errorf("%d entries are V's, want %d", got, sc.entries)
			}
			s.wantRecoveries(sc.recoveries)
			s.wantEnd()
		})
	}
}

// Until it is published nobody sees the group; then it is whole.
var creations = []scene{
	{step: "segmentMade"},
	{step: "setMade"},
	{step: "headerWritten"},
	{step: "joinTaken"},
	{step: "generationRaised"},
	{step: "slotTaken"},
	{step: "joined"},
	{step: "published", then: "A open; B round"},
}

func TestDeathOfACreator(t *testing.T) {
	for _, sc := range creations {
		t.Run(sc.step, func(t *testing.T) {
			s := newStage(t)
			s.playTo(sc.step, "V create")
			if sc.then == "" {
				s.play("A open briefly: in the making; B open or create briefly: in the making")
			}
			s.play(sc.then)
			s.play("V kill")
			if sc.then == "" {
				s.play("A open or create; B open or create")
			}
			var err error
			s.group, err = lock.Open(s.patient(), s.key, nil)
			kit.Must(t, err)
			s.play("A open; B open; C be busy elsewhere &")
			s.wantAllWell()
			s.wantEnd()
		})
	}
}

// To remove again, or to make another group, finishes what somebody died in.
var removals = []scene{
	{step: "segmentRemoved", again: "and another member goes on", before: "A lock; B round...: removed; V remove", then: "D open briefly: none", after: "A remove: removed; B answers; A unlock: removed"},
	{step: "segmentRemoved", again: "and the next creator goes on", before: "A lock; B round...: removed; V remove", after: "D open or create; B answers; A unlock: removed; D round"},
	{step: "poisoned", again: "and another member goes on", before: "A lock; B round...: removed; V remove", after: "A remove: removed; B answers; A unlock: removed"},
	{step: "poisoned", again: "and the next creator goes on", before: "A lock; B round...: removed; V remove", then: "A unlock; A lock: removed; B answers", after: "D open or create; D round"},
	{step: "setRemoved", before: "A lock; B round...: removed; V remove", then: "B answers; D open briefly: none", after: "A unlock: removed; A lock: removed; D open or create; D round"},

	{step: "oldPoisoned", again: "of a removed segment", before: "A lock; A unlock; B lock; ipcrm segment; V open or create", then: "A lock...: removed; B unlock; A answers; B lock: removed", after: "D open or create; D round"},
	{step: "oldRemoved", again: "of a removed segment", before: "A lock; A unlock; B lock; ipcrm segment; V open or create", then: "A lock: removed; B unlock: removed", after: "D open or create; D round"},
	{step: "oldPoisoned", again: "of a removed set", before: "A lock; A unlock; B lock; ipcrm set; V open or create", then: "A lock: removed; B unlock: removed", after: "D open or create; D round"},
	{step: "oldRemoved", again: "of a removed set", before: "A lock; A unlock; B lock; ipcrm set; V open or create", then: "A lock: removed; B unlock: removed", after: "D open or create; D round"},
}

func TestDeathOfARemover(t *testing.T) {
	for _, sc := range removals {
		t.Run(strings.TrimSpace(sc.step+" "+sc.again), func(t *testing.T) {
			s := newStage(t)
			s.group = s.create()
			st, err := s.group.Stat()
			kit.Must(t, err)
			s.playTo(sc.step, sc.before)
			s.play(sc.then)
			s.play("V kill")
			s.play(sc.after)
			s.play("A close; B close")
			kit.Must(t, s.group.Close())
			if _, err := shm.OpenID(st.SegmentID); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the segment: %v, want %v", err, fs.ErrNotExist)
			}
			if _, err := sem.OpenID(st.SetID); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the set: %v, want %v", err, fs.ErrNotExist)
			}
			if strings.Contains(sc.after, "D open or create") {
				s.play("D remove; D close")
			}
			wantNames(t, s.key)
		})
	}
}

func TestThereIsASceneForEveryStep(t *testing.T) {
	have := make(map[string]bool)
	for _, sc := range slices.Concat(scenes, rwScenes, creations, removals) {
		have[sc.step] = true
	}
	for _, step := range lock.StepNames() {
		if !have[step] {
			t.Errorf("nobody dies at step %q", step)
		}
		delete(have, step)
	}
	for step := range have {
		t.Errorf("%q is no step", step)
	}
}

// room in a group is for the test, A, B and C, and two others.
const room = 6

type stage struct {
	*testing.T
	key      sysv.Key
	ledgerID int
	ledger   *ledger
	group    *lock.Group // in which the test is a member, too
	cast     map[string]*sysvtest.Process
	owed     map[string]string // what who has yet to answer
}

func newStage(t *testing.T) *stage {
	s := &stage{T: t, key: sysv.RandomKey(), cast: make(map[string]*sysvtest.Process), owed: make(map[string]string)}
	s.ledgerID, s.ledger = newLedger(t)
	return s
}

func (s *stage) create() *lock.Group {
	s.Helper()
	g, err := lock.Create(bg, s.key, accountCount, &lock.Config{Processes: room, RWMutexes: 1})
	kit.Must(s.T, err)
	s.Cleanup(func() {
		if s.Failed() {
			g.Remove()
		}
	})
	return g
}

func (s *stage) patient() context.Context {
	return kit.Patient(s.T)
}

func (s *stage) seat(who string) *seat { return &s.ledger.seats[seatOf(who)] }

func seatOf(who string) int { return strings.Index("ABCDVXY", who) }

// actor returns the process of a name, which begins when it is first called.
func (s *stage) actor(who string) *sysvtest.Process {
	s.Helper()
	if s.cast[who] == nil {
		s.cast[who] = sysvtest.Start(s, actors, s.key.String(), fmt.Sprint(s.ledgerID), fmt.Sprint(seatOf(who)))
	}
	return s.cast[who]
}

// play has a script acted.
func (s *stage) play(script string) {
	s.Helper()
	for _, line := range linesOf(script) {
		s.act(line, "")
	}
}

// playTo has a script acted that ends with V at a step.
func (s *stage) playTo(step, script string) {
	s.Helper()
	all := linesOf(script)
	last := 0
	for i, line := range all {
		if strings.HasPrefix(line, "V ") && !strings.HasPrefix(line, "V answers") {
			last = i
		}
	}
	for i, line := range all {
		if i != last {
			s.act(line, "")
		} else {
			s.act(line, step)
		}
	}
	s.actor("V").Expect("at " + step)
	delete(s.owed, "V")
}

func linesOf(script string) []string {
	if script == "" {
		return nil
	}
	return strings.Split(script, "; ")
}

// act has a line acted, the last one before a step not to its end.
func (s *stage) act(line, step string) {
	s.Helper()
	who, command, _ := strings.Cut(line, " ")
	command, want, _ := strings.Cut(command, ": ")
	if want == "" {
		want = "ok"
	}
	switch who {
	case "tokens":
		s.wantTokens(command)
		return
	case "ipcrm":
		s.removeByHand(command)
		return
	case "word":
		lock.SetWord(s.group.Mutex(0), map[string]uint32{"ruined": lock.NoWord, "freed": 0}[command])
		return
	}
	p := s.actor(who)
	if step != "" {
		p.Send("stop " + step)
	}
	verb, _, _ := strings.Cut(command, " ")
	rest, waits := strings.CutSuffix(command, "...")
	rest, goesOn := strings.CutSuffix(rest, " &")
	switch {
	case verb == "answers":
		s.answer(who)
	case verb == "kill":
		p.Kill()
		s.dead(who)
	case verb == "at":
		p.Expect(command)
	case waits:
		before := s.waiters()
		p.Send(rest)
		s.owe(who, rest, want)
		s.eventually(line, func() bool { return s.waiters() == before+1 })
	case slices.Contains([]string{"stop", "die", "go", "give"}, verb):
		p.Send(command)
	default:
		p.Send(rest)
		s.owe(who, rest, want)
		if !goesOn && step == "" {
			s.answer(who)
		}
	}
}

func (s *stage) owe(who, command, want string) {
	if command != "go" { // which goes on with what it owes
		s.owed[who] = want
	}
}

// answer waits for what somebody owes, if he does.
func (s *stage) answer(who string) {
	s.Helper()
	if want, ok := s.owed[who]; ok {
		delete(s.owed, who)
		if got := s.actor(who).Line(); got != want && (want != "any" || got != "ok" && got != "abandoned") {
			s.Fatalf("%s: %s, want %s", who, got, want)
		}
	}
}

func (s *stage) wantTokens(want string) {
	s.Helper()
	st, err := s.group.Stat()
	kit.Must(s.T, err)
	set, err := sem.OpenID(st.SetID)
	kit.Must(s.T, err)
	got, err := set.Value(slotsAt + room)
	kit.Must(s.T, err)
	if fmt.Sprint(got) != want {
		s.Errorf("%d tokens, want %s", got, want)
	}
}

// eventually waits for something that other processes bring about.
func (s *stage) eventually(what string, cond func() bool) {
	s.Helper()
	kit.Eventually(s.T, what, cond)
}

func (s *stage) waiters() int {
	s.Helper()
	st, err := s.group.Stat()
	kit.Must(s.T, err)
	return st.Mutexes[0].Waiters
}

// awaitDeath waits until V has died at a step by its own hand.
func (s *stage) awaitDeath(step string) {
	s.Helper()
	v := s.actor("V")
	v.Expect("at " + step)
	s.eventually("V dies", func() bool { return syscall.Kill(v.Process.Pid, 0) == syscall.ESRCH })
	s.dead("V")
}

func (s *stage) dead(who string) {
	delete(s.cast, who)
	delete(s.owed, who)
}

// removeByHand is ipcrm(1).
func (s *stage) removeByHand(what string) {
	s.Helper()
	st, err := s.group.Stat()
	kit.Must(s.T, err)
	if what == "segment" {
		seg, err := shm.OpenID(st.SegmentID)
		kit.Must(s.T, err)
		kit.Must(s.T, seg.Remove())
		return
	}
	set, err := sem.OpenID(st.SetID)
	kit.Must(s.T, err)
	kit.Must(s.T, set.Remove())
}

// wantAllWell checks, when V is dead, that those who wait get what they wait
// for, that all go on, with a new process, and that no entry is lost.
func (s *stage) wantAllWell() {
	s.Helper()
	for _, who := range []string{"A", "B", "C"} {
		s.actor(who).Send("rest")
		s.answer(who)
		s.actor(who).Expect("ok")
	}
	s.wantFreePlaces()
	s.play("A work &: any; B work &: any; C work &: any; D work &: any")
	s.play("A answers; B answers; C answers; D answers")
	st, err := s.group.Stat()
	kit.Must(s.T, err)
	for i, m := range st.Mutexes {
		if m.Held || m.Abandoned || m.Waiters != 0 {
			s.Errorf("mutex %d: %+v", i, m)
		}
		if total, sum := s.ledger.accounts[i].total.Load(), s.ledger.sum(i); total != sum {
			s.Errorf("account %d: %d, want %d", i, total, sum)
		}
	}
}

// wantFreePlaces checks that others can join until all places are taken.
func (s *stage) wantFreePlaces() {
	s.Helper()
	for range room - 1 - len(s.cast) {
		g, err := lock.Open(s.patient(), s.key, nil)
		kit.Must(s.T, err)
		defer func() { kit.Must(s.T, g.Close()) }()
	}
	if _, err := lock.Open(s.patient(), s.key, nil); !errors.Is(err, syscall.ENOSPC) {
		s.Errorf("one more joins: %v, want ENOSPC", err)
	}
}

// wantRecoveries checks how often a mutex was taken over from a dead owner.
func (s *stage) wantRecoveries(want int) {
	s.Helper()
	st, err := s.group.Stat()
	kit.Must(s.T, err)
	got := 0
	for _, m := range st.Mutexes {
		got += m.Recoveries
	}
	if got != want {
		s.Errorf("%d recoveries, want %d", got, want)
	}
}

// wantTakeovers checks how often Lock said abandoned, to anybody.
func (s *stage) wantTakeovers(want uint32) {
	s.Helper()
	got := uint32(0)
	for i := range s.ledger.accounts {
		got += s.ledger.accounts[i].takeovers.Load()
	}
	if got != want {
		s.Errorf("Lock said abandoned %d times, want %d", got, want)
	}
}

// wantEnd has everybody leave, and checks that nothing is left of anybody.
func (s *stage) wantEnd() {
	s.Helper()
	for who := range s.cast {
		s.play(who + " close")
		s.cast[who].Finish()
	}
	wantGone(s.T, s.group)
}

// A creator whose segment somebody removed comes back when another has made the
// group. The set that he finds is that of a living one.
func TestCreatorThatIsOvertaken(t *testing.T) {
	s := newStage(t)
	s.playTo("segmentMade", "V open or create")
	segment := segments(t, s.key)[0].ID
	kit.Must(t, sys.Shmctl(segment, sys.IPC_RMID))
	s.play("A open or create; A lock; A unlock; V go")
	var err error
	s.group, err = lock.Open(s.patient(), s.key, nil)
	kit.Must(t, err)
	s.actor("V").Expect("ok")
	s.play("V lock; A lock...; V unlock; A answers; A unlock; V close; A close")
	wantGone(t, s.group)
	wantNames(t, s.key)
}
