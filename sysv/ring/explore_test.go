//go:build sysvipc_steps

package ring

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unsafe"
)

// Latest and Feed are explored here, and Queue is in model_test.go, through the package's
// own code. An actor runs a call up to its next access to what is shared, and then any
// actor may go on, or one that has just changed something may die. To go on is to begin
// the call again, to be answered what it was answered before, and to make one access
// more. Here every access is a step, also those by get and put.

// The stages of an actor that all subjects have. A stage is the call that it is in, or
// about to make.
const (
	actorEnded uint8 = iota
	actorDied
	actorAway // it does something else for good
	actorStages
)

// An actor is what one process knows.
type actor struct {
	stage   uint8
	changed bool // its last access changed something: it makes a difference whether it dies now
	vars    [12]uint32
	answers string
}

const mostActors = 4

// A universe is all that there is.
type universe struct {
	words   string
	actor   [mostActors]actor
	ledger  [24]uint32
	owner   int8 // of the mutex, nobody for none
	unclean bool // abandoned and not repaired
	deaths  uint8
	anyDied bool
}

// A subject is what is explored, in some scenario.
type subject interface {
	shared() []*word
	name(w *word) string
	begin(u *universe) (actors int)
	// call makes the call of the actor's stage, and then sets the next.
	call(t *turn)
	// happens keeps the ledger, right before what is shared changes, and returns what is
	// wrong with that.
	happens(t *turn, w *word, new uint32) string
	// good tells whether nothing is left to do, or nobody to do it, but for one who
	// is stopped.
	good(u *universe, stopped int) bool
}

type explorer struct {
	subject
	deaths uint8
	mayDie func(who int) bool
	stops  bool // of any one, for good, at any step
	coarse bool // get and put are no steps
	// fault changes what an access does; see the mutants.
	fault func(t *turn, a access, w *word, old, new uint32) (answer uint32, instead bool)

	words  []*word
	actors int
}

// A turn is one move of an actor.
type turn struct {
	*explorer
	u       *universe
	who     int
	p       *actor
	first   bool   // it begins the call
	known   string // answers, still to be given again
	answers []byte
	acted   bool
	wakes   bool  // without a reason
	loads   int   // in the whole call
	stored  *word // to which it last stored, in the whole call
	broken  string
	what    string
	tells   bool // what it does
}

func (x *explorer) save() string {
	b := make([]byte, 0, 4*len(x.words))
	for _, w := range x.words {
		b = binary.LittleEndian.AppendUint32(b, w.v.Load())
	}
	return string(b)
}

func (x *explorer) restore(words string) {
	for i, w := range x.words {
		w.v.Store(uint32(words[4*i]) | uint32(words[4*i+1])<<8 | uint32(words[4*i+2])<<16 | uint32(words[4*i+3])<<24)
	}
}

type paused struct{ blocked bool }

func (t *turn) each(a access, w *word, old, new uint32) uint32 {
	if a == loads {
		t.loads++
	}
	defer func() { // after the access has been made
		if a == stores {
			t.stored = w
		}
	}()
	if len(t.known) > 0 {
		answer := binary.LittleEndian.Uint32([]byte(t.known[:4]))
		t.known = t.known[4:]
		return answer
	}
	visible := !t.coarse || a != gets && a != puts
	if visible && t.acted {
		panic(paused{})
	}
	answer := t.access(a, w, old, new)
	t.answers = binary.LittleEndian.AppendUint32(t.answers, answer)
	if !visible {
		return answer
	}
	t.acted = true
	if t.tells {
		t.what = fmt.Sprintf("(%d) %v %s %#x = %#x", t.p.stage, a, t.nameOf(w), new, answer)
	}
	return answer
}

func (t *turn) nameOf(w *word) string {
	if w == nil {
		return ""
	}
	return t.name(w)
}

func (t *turn) access(a access, w *word, old, new uint32) uint32 {
	if t.fault != nil {
		if answer, instead := t.fault(t, a, w, old, new); instead {
			return answer
		}
	}
	return t.really(a, w, old, new)
}

func (t *turn) change(w *word, new uint32) {
	t.p.changed = true
	if bad := t.happens(t, w, new); bad != "" && t.broken == "" {
		t.broken = bad
	}
	w.v.Store(new)
}

func (t *turn) really(a access, w *word, old, new uint32) uint32 {
	u := t.u
	switch a {
	case loads, gets:
		return w.v.Load()
	case stores, puts:
		t.change(w, new)
	case swaps:
		if w.v.Load() != old {
			return 0
		}
		t.change(w, new)
		return 1
	case announces: // one mark does: what package event promises is explored there
		t.p.changed = true
		w.v.Store(w.v.Load() | 1)
		return w.v.Load() >> 2
	case listens:
		return w.v.Load() & 1
	case rings:
		t.p.changed = true
		w.v.Store((w.v.Load()>>2 + 1) & 7 << 2)
	case awaits:
		if w.v.Load()>>2 == old && !t.wakes {
			panic(paused{blocked: true})
		}
	case locks, tries:
		if u.owner >= 0 {
			if u.actor[u.owner].stage != actorDied {
				if a == tries {
					return gotNothing
				}
				panic(paused{blocked: true})
			}
			u.unclean = true
		}
		u.owner = int8(t.who)
		t.p.changed = true
		if u.unclean {
			return gotAbandoned
		}
		return got
	case unlocks:
		if u.owner != int8(t.who) {
			t.broken = "who unlocks has locked"
		}
		u.owner = nobody
		t.p.changed = true
	case repairs:
		u.unclean = false
		t.p.changed = true
	case asks:
		if u.actor[new>>20-1].stage == actorDied {
			return 1
		}
	}
	return 0
}

// step lets an actor make its next access.
func (t *turn) step() (possible bool) {
	t.restore(t.u.words)
	t.p = &t.u.actor[t.who]
	t.known, t.answers = t.p.answers, []byte(t.p.answers)
	t.first = t.p.answers == ""
	t.p.changed = false
	each, copyingByWords = t.each, true
	finished := false
	func() {
		defer func() {
			if s := recover(); s != nil {
				st, ok := s.(paused)
				if !ok {
					panic(s)
				}
				possible = !st.blocked
			}
		}()
		t.call(t)
		possible, finished = true, true
	}()
	if !possible {
		return false
	}
	t.p.answers = string(t.answers)
	if finished {
		t.p.answers = ""
	}
	t.u.words = t.save()
	return true
}

func (t *turn) must(err error) {
	if err != nil && t.broken == "" {
		t.broken = err.Error()
	}
}

func (t *turn) demand(so bool, what string) {
	if !so && t.broken == "" {
		t.broken = what
	}
}

// end is the end of an actor.
func (t *turn) end() { *t.p = actor{stage: actorEnded} }

func (x *explorer) moves(u *universe, tells bool) (all []move[universe]) {
	for who := range x.actors {
		p := &u.actor[who]
		if p.stage < actorStages {
			continue
		}
		for _, wakes := range []bool{false, true} {
			if wakes && !u.anyDied && !x.stops {
				continue
			}
			to := *u
			t := &turn{explorer: x, u: &to, who: who, wakes: wakes, tells: tells}
			if t.step() {
				all = append(all, move[universe]{to, who, t.what, t.broken})
				break
			}
		}
		if u.deaths > 0 && (p.changed || p.answers == "") && (x.mayDie == nil || x.mayDie(who)) {
			to := *u
			to.deaths--
			to.anyDied = true
			to.actor[who] = actor{stage: actorDied}
			all = append(all, move[universe]{to, who, "dies", ""})
		}
	}
	return all
}

func (x *explorer) start() universe {
	x.words = x.shared()
	for _, w := range x.words {
		w.v.Store(0)
	}
	u := universe{owner: nobody, deaths: x.deaths}
	x.actors = x.begin(&u)
	u.words = x.save()
	return u
}

func (x *explorer) check(u *universe) string { return "" }

func (x *explorer) good(u *universe, stopped int) bool {
	x.restore(u.words)
	return x.subject.good(u, stopped)
}

func (x *explorer) stoppable() (actors int) {
	if x.stops {
		actors = x.actors
	}
	return actors
}

// holdsUp: in a scenario with stops nobody has to wait for anybody.
func (x *explorer) holdsUp(u *universe, stopped int) bool { return false }

// A fault is a mutant: the protocol with one fault. That the exploration finds it shows that
// it would be missed.
type fault struct {
	name   string
	in     explorer // the scenario
	breaks string
	fault  func(t *turn, a access, w *word, old, new uint32) (answer uint32, instead bool)
}

func findFaults(t *testing.T, faults []fault) {
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			in := f.in
			in.fault = f.fault
			x := explore(&in)
			t.Logf("%d states", x.states)
			if !strings.HasPrefix(x.broken, f.breaks) || x.broken == "" {
				t.Errorf("broken is %q, want %q\n%s", x.broken, f.breaks, x.trace)
			}
		})
	}
}

// A named scenario is explored as it is.
type named struct {
	name string
	in   explorer
}

func exploreAll(t *testing.T, what string, all []named) {
	states := 0
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) {
			in := s.in
			x := explore(&in)
			t.Logf("%d states", x.states)
			states += x.states
			if x.broken != "" {
				t.Errorf("not so: %s\n%s", x.broken, x.trace)
			}
		})
	}
	t.Logf("%s model: %d states in %d scenarios", what, states, len(all))
}

func wordAt(base unsafe.Pointer, i uint32) *word { return (*word)(unsafe.Add(base, i*4)) }
