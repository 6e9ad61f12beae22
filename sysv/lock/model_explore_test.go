package lock

import (
	"fmt"
	"slices"
	"strings"
)

// explored is what explore has found.
type explored struct {
	states, transitions, depth int
	possible                   map[deed]bool
	broken                     property
	trace                      string // a shortest way there
}

// search goes through worlds breadth first, so that a trace is as short as can
// be. It numbers them as it finds them.
type search struct {
	*model
	explored
	worlds []packed
	number map[packed]uint32
	parent []uint32
	packing
	// The moves in world n lead to edges[first[n]:first[n+1]].
	edges, first []uint32
}

// explore visits each world that can come about, until one breaks a property.
func explore(m model) explored {
	s := search{model: &m, number: map[packed]uint32{}}
	s.possible = map[deed]bool{}
	s.run()
	s.states, s.transitions = len(s.worlds), len(s.edges)
	return s.explored
}

func (s *search) run() {
	s.processes.number(process{}) // 0, as in what is unpacked
	s.add(s.start(), 0)
	level := 1 // the first world that is one move deeper
	for n := 0; n < len(s.worlds); n++ {
		if n == level {
			s.depth++
			level = len(s.worlds)
		}
		s.first = append(s.first, uint32(len(s.edges)))
		goesOn := false
		w := s.unpack(s.worlds[n])
		for _, mv := range s.all(w) {
			s.possible[mv.deed] = true
			goesOn = goesOn || mv.must
			if s.breaks(mv.broken, n, mv) || s.breaks(mv.next.broken(), n, mv) {
				return
			}
			s.edges = append(s.edges, s.add(mv.next, n))
		}
		if !goesOn && w.stuck() && s.breaks(noLostWakeUp, n) {
			return
		}
	}
	s.first = append(s.first, uint32(len(s.edges)))
	if n, ok := s.loop(); ok {
		s.breaks(everyCallEnds, n)
	}
}

func (s *search) add(w world, parent int) uint32 {
	p := s.pack(&w)
	n, ok := s.number[p]
	if !ok {
		n = uint32(len(s.worlds))
		s.number[p] = n
		s.worlds = append(s.worlds, p)
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

// way tells the moves to world n and those after it, one to a line, with what
// the processes share.
func (s *search) way(n int, after []move) string {
	moves := slices.Clone(after)
	for ; n != 0; n = int(s.parent[n]) {
		all := s.all(s.unpack(s.worlds[s.parent[n]]))
		next := s.unpack(s.worlds[n])
		i := slices.IndexFunc(all, func(mv move) bool { return mv.next == next })
		moves = slices.Insert(moves, 0, all[i])
	}
	var b strings.Builder
	for i, mv := range moves {
		fmt.Fprintf(&b, "%3d  P%d: %-40v %v\n", i+1, mv.who, mv.deed, mv.next)
	}
	return b.String()
}

func (d deed) String() string {
	if d.name != "" {
		return d.name
	}
	return fmt.Sprintf("%v %v -> %v%v", d.does, d.at, d.next, d.call)
}

// packing numbers the parts of worlds: there are far fewer of them than worlds.
type packing struct {
	shareds   numbered[shared]
	processes numbered[process]

	// The last that was unpacked:
	unpacked world
	last     packed
}

// packed is a world by the numbers of its parts.
type packed struct {
	shared  uint32
	process [mostProcesses]uint32
}

func (p *packing) pack(w *world) (q packed) {
	q.shared = p.shareds.number(w.shared)
	for i := range w.process {
		q.process[i] = p.last.process[i]
		if w.process[i] != p.unpacked.process[i] { // most are as they were
			q.process[i] = p.processes.number(w.process[i])
		}
	}
	return q
}

func (p *packing) unpack(q packed) world {
	p.last = q
	p.unpacked.shared = p.shareds.all[q.shared]
	for i, n := range q.process {
		p.unpacked.process[i] = p.processes.all[n]
	}
	return p.unpacked
}

type numbered[T comparable] struct {
	all     []T
	numbers map[T]uint32
}

func (n *numbered[T]) number(v T) uint32 {
	i, ok := n.numbers[v]
	if !ok {
		if n.numbers == nil {
			n.numbers = map[T]uint32{}
		}
		i = uint32(len(n.all))
		n.numbers[v] = i
		n.all = append(n.all, v)
	}
	return i
}
