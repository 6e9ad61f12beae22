package lock_test

import (
	"fmt"
	"slices"
	"strings"
)

// explored is what explore has found.
type explored struct {
	states, transitions, depth int
	possible                   map[string]bool // moves, by what they are
	broken                     property
	trace                      string // a shortest way there
}

// search goes through worlds breadth first, so that a trace is as short as can
// be. It numbers them as it finds them.
type search struct {
	*model
	explored
	worlds []world
	number map[world]uint32
	parent []uint32
	// The moves in world n lead to edges[first[n]:first[n+1]].
	edges, first []uint32
}

// explore visits each world that can come about, until one breaks a property.
func explore(m model) explored {
	s := search{model: &m, number: map[world]uint32{}}
	s.possible = map[string]bool{}
	s.run()
	s.states, s.transitions = len(s.worlds), len(s.edges)
	return s.explored
}

func (s *search) run() {
	s.add(s.start(), 0)
	level := 1 // the first world that is one move deeper
	for n := 0; n < len(s.worlds); n++ {
		if n == level {
			s.depth++
			level = len(s.worlds)
		}
		s.first = append(s.first, uint32(len(s.edges)))
		goesOn := false
		for _, mv := range s.all(s.worlds[n]) {
			s.possible[mv.what] = true
			goesOn = goesOn || mv.must
			if s.breaks(mv.broken, n, mv) || s.breaks(mv.next.broken(), n, mv) {
				return
			}
			s.edges = append(s.edges, s.add(mv.next, n))
		}
		if !goesOn && s.worlds[n].stuck() && s.breaks(noLostWakeUp, n) {
			return
		}
	}
	s.first = append(s.first, uint32(len(s.edges)))
	if n, ok := s.loop(); ok {
		s.breaks(everyCallEnds, n)
	}
}

func (s *search) add(w world, parent int) uint32 {
	n, ok := s.number[w]
	if !ok {
		n = uint32(len(s.worlds))
		s.number[w] = n
		s.worlds = append(s.worlds, w)
		s.parent = append(s.parent, uint32(parent))
	}
	return n
}

// breaks notes that a property is broken in world n, or by moves after it, and
// says whether that matters.
func (s *search) breaks(broken property, n int, after ...move) bool {
	if broken == "" || s.only != "" && s.only != broken {
		return false
	}
	s.broken, s.trace = broken, s.way(n, after)
	return true
}

// loop finds a world that can come about again, or is led to by such. It leaves
// out, again and again, a world to which no move leads from those that are left.
func (s *search) loop() (n int, ok bool) {
	leadTo := make([]uint32, len(s.worlds))
	for _, n := range s.edges {
		leadTo[n]++
	}
	for out := []uint32{0}; len(out) > 0; {
		n := out[len(out)-1]
		out = out[:len(out)-1]
		for _, next := range s.edges[s.first[n]:s.first[n+1]] {
			if leadTo[next]--; leadTo[next] == 0 {
				out = append(out, next)
			}
		}
	}
	n = slices.IndexFunc(leadTo, func(moves uint32) bool { return moves > 0 })
	return n, n >= 0
}

// broken is what w breaks by itself.
func (w *world) broken() property {
	owners := 0
	for i := range w.process {
		p := &w.process[i]
		if p.holds {
			owners++
		}
		for j := range w.process[:i] {
			if q := &w.process[j]; p.joined && q.joined && p.slot == q.slot {
				return slotForEach
			}
		}
	}
	if owners > 1 {
		return mutualExclusion
	}
	return ""
}

// stuck says whether a process is in the middle of a call in which it can't go
// on, though no owner is stopped.
func (w *world) stuck() bool {
	stuck := false
	for i := range w.process {
		p := &w.process[i]
		if p.stopped && p.holds {
			return false
		}
		stuck = stuck || p.inCall() && !p.stopped
	}
	return stuck
}

// inCall says whether a process is in the middle of a call, or between two that
// belong together.
func (p *modelProcess) inCall() bool {
	switch p.at {
	case atNothing, atOutside, atIdle:
		return false
	}
	return true
}

// way tells the moves to world n and those after it, one to a line, with what
// the processes share.
func (s *search) way(n int, after []move) string {
	moves := slices.Clone(after)
	for ; n != 0; n = int(s.parent[n]) {
		all := s.all(s.worlds[s.parent[n]])
		i := slices.IndexFunc(all, func(mv move) bool { return mv.next == s.worlds[n] })
		moves = slices.Insert(moves, 0, all[i])
	}
	var b strings.Builder
	for i, mv := range moves {
		fmt.Fprintf(&b, "%3d  P%d: %-42s %v\n", i+1, mv.who, mv.what, mv.next)
	}
	return b.String()
}

func (w world) String() string {
	s := fmt.Sprintf("word %-7v wake %d  join %d  alive %d  generation %d",
		w.word, w.value[semWake], w.value[semJoin], w.value[semAlive:], w.generation)
	if w.longWait {
		s += "  long wait"
	}
	if w.dirty {
		s += "  dirty"
	}
	if w.ownerEnded {
		s += "  an owner ended"
	}
	return s
}

func (w modelWord) String() string {
	switch w {
	case 0:
		return "0"
	case withW:
		return "W"
	}
	s := fmt.Sprintf("%d.%d", w.slot(), w.generation())
	if w&withW != 0 {
		s += "|W"
	}
	return s
}
