//go:build sysvipc_steps

package ring

import (
	"encoding/binary"
	"os"
	"slices"
	"testing"
)

// A mutant is the protocol with one fault. That the exploration finds it shows that it
// would be missed. Its fault sees each access before it happens, and may do something
// else instead.
type mutant struct {
	name   string
	in     string // the scenario
	large  bool   // it takes long to find
	breaks string
	fault  func(r *run, a access, w *word, old, new uint32) (answer uint32, instead bool)
}

func scenarioOf(t *testing.T, name string) scenario {
	for _, in := range slices.Concat(scenarios, largeScenarios, hugeScenarios) {
		if in.name == name {
			return in
		}
	}
	t.Fatalf("no scenario %q", name)
	return scenario{}
}

// cellOf is the cell whose word w is, by the word's place in it.
func (r *run) cellOf(w *word, in func(c *cell) *word) *cell {
	for i := range r.mem.cells {
		if in(&r.mem.cells[i]) == w {
			return &r.mem.cells[i]
		}
	}
	return nil
}

func owner(c *cell) *word { return &c.owner }
func given(c *cell) *word { return &c.given }

func (r *run) me() uint32 { return uint32(r.who+1) << 20 }

var mutants = []mutant{
	// The prototype's, which lost 132 records.
	{name: "read moved before the owner is set", in: "a death", breaks: exactlyOnePlace,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			if r.p.stage != obtaining || a != stores {
				return 0, false
			}
			// The store of the owner moves read, and the store of read sets the owner.
			if c := r.cellOf(w, owner); c != nil && new == r.me() && c.from.v.Load() == r.mem.read.v.Load() {
				r.really(stores, &r.mem.read, 0, c.to.v.Load())
				return 0, true
			}
			if w == &r.mem.read {
				for i := range r.mem.cells {
					if c := &r.mem.cells[i]; c.to.v.Load() == new && c.owner.v.Load() == 0 {
						r.really(stores, &c.owner, 0, r.me())
						r.deliverUpTo(c, c.base.v.Load(), span{c.base.v.Load(), new}.delivered(c.given.v.Load()))
						return 0, true
					}
				}
			}
			return 0, false
		}},
	{name: "a dead producer's record made padding whatever it is by now", in: "a reservation behind another", breaks: exactlyOnePlace,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			if a == swaps && new == padding {
				r.really(stores, w, 0, new)
				return 1, true
			}
			return 0, false
		}},
	{name: "a reservation made padding though its member lives", in: "a reservation behind another", breaks: exactlyOnePlace,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) { return 1, a == asks }},
	// Who looks for room sees a record in neither of two leases.
	{name: "a cut that nobody can see", in: "room, and a cut into an earlier cell", breaks: neededIsKept,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			return 0, a == stores && w == &r.mem.moves
		}},
	// A lease that was made between the two looks is seen by neither.
	{name: "read seen after the leases", in: "room", breaks: neededIsKept,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			if a != loads || r.p.stage != sending {
				return 0, false
			}
			if w == &r.mem.moves { // which comes before read
				r.w.early = 0
				for i := range r.mem.cells {
					if r.mem.cells[i].owner.v.Load() != 0 {
						r.w.early |= 1 << i
					}
				}
			}
			for i := range r.mem.cells {
				if w == &r.mem.cells[i].owner && r.w.early>>i&1 == 0 {
					return 0, true
				}
			}
			return 0, false
		}},
	{name: "delivered by a store", in: "who delivers while another cuts", breaks: onceAtATime,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			c := r.cellOf(w, given)
			if a != swaps || c == nil || new>>16 <= old>>16 {
				return 0, false
			}
			return r.really(swaps, w, w.v.Load(), new), true
		}},
	{name: "cut by a store", in: "who delivers while another cuts", breaks: onceAtATime,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			if c := r.cellOf(w, given); a == swaps && c != nil && new>>16 == old>>16 {
				return r.really(swaps, w, w.v.Load(), new), true
			}
			return 0, false
		}},
	{name: "what another has written over is believed", in: "written over while another delivers", breaks: errCorrupt.Error(),
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			if c := r.cellOf(w, given); c != nil && a == loads && r.p.stage == taking && len(r.answers) > 12 {
				return binary.LittleEndian.Uint32(r.answers[8:]), true // after base and to
			}
			return 0, false
		}},
	{name: "nobody finishes what a dead one was about to cut", in: "cut in the middle", breaks: exactlyOnePlace,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			return nothing, a == loads && w == &r.mem.journal.op
		}},
	{name: "cut, and then written down", in: "cut in the middle", breaks: exactlyOnePlace,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			return 0, a == stores && w == &r.mem.journal.op && new == cutting
		}},
	{name: "a lease that was not made stays", in: "a death", breaks: exactlyOnePlace,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			c := r.cellOf(w, owner)
			return 0, a == stores && c != nil && new == 0 && r.w.unclean[1] && r.p.stage == obtaining
		}},
	{name: "given to others and kept", in: "requeued, and a death", breaks: exactlyOnePlace,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			if a == stores && new&^(oneAttempt-1) != 0 && new < reserved && new&taken != 0 && r.p.stage == acting {
				return r.really(stores, w, 0, new&^taken), true
			}
			return 0, false
		}},
	{name: "attempts counted again", in: "given again", breaks: attemptsAreTold,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			if a == loads && w == &r.mem.journal.valueOf {
				return ^uint32(0), true
			}
			return 0, false
		}},
	{name: "attempts not counted", in: "given again", breaks: attemptsAreTold,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			return 0, a == stores && new == committed|oneAttempt && r.name(w) == "the ring"
		}},
	{name: "what was delivered is not given again", in: "given again", breaks: exactlyOnePlace,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			if c := r.cellOf(w, given); a == stores && c != nil && new>>16 == 0 && r.p.stage == obtaining {
				return 0, true
			}
			return 0, false
		}},
	{name: "done early, and nobody knows", in: "the second done first, and a death", breaks: neverAfterDone,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			if a == stores && new&kinds == finished && r.p.stage == acting && r.name(w) == "the ring" {
				r.changing(w, new)
				return 0, true
			}
			return 0, false
		}},
	{name: "nobody is told of a record", in: "one to one", breaks: canBeDone,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			return 0, a == rings && r.p.stage == sending
		}},
	{name: "nobody is told of room", in: "room", breaks: canBeDone,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			return 0, a == rings && r.p.stage == acting
		}},
	{name: "a lease ends by its records' end", in: "room", breaks: canBeDone,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			c := r.cellOf(w, owner)
			if a == stores && c != nil && new == 0 && r.p.stage == acting {
				return r.really(stores, &c.from, 0, c.to.v.Load()), true
			}
			return 0, false
		}},
	{name: "nobody cuts", in: "who goes away", breaks: canBeDone,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			if c := r.cellOf(w, given); a == loads && c != nil && r.p.stage == obtaining && c.owner.v.Load() != r.me() {
				end := w.v.Load() & 0xffff
				return pair(end, end), true
			}
			return 0, false
		}},
	{name: "the dead are not looked for", in: "given again", breaks: canBeDone,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) { return 0, a == asks }},
	{name: "moves stays odd", large: true, in: "room, after a death in a cut", breaks: canBeDone,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			return 0, a == stores && w == &r.mem.moves && new&1 == 0 && r.w.unclean[1]
		}},
	{name: "stuck, and still in its lease", in: "set aside, and no room for another", breaks: exactlyOnePlace,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			if a == stores && new&taken != 0 && new < reserved && r.p.stage == obtaining && r.name(w) == "the ring" {
				r.changing(w, new)
				return 0, true
			}
			return 0, false
		}},
	{name: "set aside, and nobody knows", in: "set aside", breaks: neverAfterDone,
		fault: func(r *run, a access, w *word, old, new uint32) (uint32, bool) {
			if a == loads && w == &r.mem.journal.op && r.really(a, w, 0, 0) == setting {
				return nothing, true
			}
			return 0, false
		}},
}

func TestMutants(t *testing.T) {
	for _, mu := range mutants {
		t.Run(mu.name, func(t *testing.T) {
			if mu.large && os.Getenv("SYSVIPC_STORM") == "" {
				t.Skip("skipping, it takes seconds: set SYSVIPC_STORM=tenth")
			}
			m := newModel(scenarioOf(t, mu.in))
			m.fault = mu.fault
			x := explore(m)
			t.Logf("%d states", x.states)
			if x.broken == "" || len(x.broken) < len(mu.breaks) || x.broken[:len(mu.breaks)] != mu.breaks {
				t.Errorf("broken is %q, want %q\n%s", x.broken, mu.breaks, x.trace)
			}
		})
	}
}
