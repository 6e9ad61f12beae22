//go:build sysvipc_steps

package ring

import (
	"fmt"
	"slices"
	"strings"
)

// A graph is the states that can come about of what is explored, and what leads from one
// to another.
type graph[S comparable] interface {
	start() S
	// moves are all that can come next. tells is whether to say what they do.
	moves(s *S, tells bool) []move[S]
	// check returns what is not as it must be in each state.
	check(s *S) string
	// good tells whether nothing is left to do, or nobody to do it, but for one who is
	// stopped.
	good(s *S, stopped int) bool
	// stoppable are those who may be stopped, at any step and for good.
	stoppable() (actors int)
	// holdsUp tells whether one who is stopped has what others have to wait for.
	holdsUp(s *S, stopped int) bool
}

// A move is that of one actor, and leads to another state.
type move[S any] struct {
	to   S
	who  int
	what string
	bad  string // what is wrong with it
}

const (
	// nobody is no actor.
	nobody = -1

	canBeDone = "everything can still be done"

	// mostStates is what there is memory for.
	mostStates = 2_000_000
)

type explored struct {
	states        int
	broken, trace string
}

// A search goes through a graph breadth first, so that a trace is as short as can be.
type search[S comparable] struct {
	graph[S]
	states []S
	number map[S]int32
	parent []int32
	edges  []edge
}

// An edge is a move from one state to another.
type edge struct {
	from, to int32
	who      int8
}

// explore visits each state that can come about, until something is not so.
func explore[S comparable](g graph[S]) explored {
	before := each
	defer func() { each, copyingByWords = before, false }()
	s := &search[S]{graph: g, number: map[S]int32{}}
	broken, trace := s.run()
	return explored{len(s.states), broken, trace}
}

func (s *search[S]) run() (broken, trace string) {
	s.add(s.start(), -1)
	for i := 0; i < len(s.states); i++ {
		n := int32(i)
		if i > mostStates {
			return "too many states", s.trace(n)
		}
		state := s.states[n]
		if bad := s.check(&state); bad != "" {
			return bad, s.trace(n)
		}
		for _, m := range s.moves(&state, false) {
			if m.bad != "" {
				return m.bad, s.trace(n, m.to)
			}
			s.edges = append(s.edges, edge{n, s.add(m.to, n), int8(m.who)})
		}
	}
	slices.SortFunc(s.edges, func(a, b edge) int { return int(a.to - b.to) })
	if n := s.hopeless(nobody); n >= 0 {
		return canBeDone, s.trace(n)
	}
	for stopped := range s.stoppable() {
		if n := s.hopeless(stopped); n >= 0 {
			return fmt.Sprintf("%s: while %d is stopped", canBeDone, stopped), s.trace(n)
		}
	}
	return "", ""
}

func (s *search[S]) add(state S, from int32) int32 {
	n, ok := s.number[state]
	if !ok {
		n = int32(len(s.states))
		s.number[state] = n
		s.states, s.parent = append(s.states, state), append(s.parent, from)
	}
	return n
}

// trace tells the moves to a state and to those after it, one to a line.
func (s *search[S]) trace(n int32, after ...S) string {
	way := []S{s.states[n]}
	for ; s.parent[n] >= 0; n = s.parent[n] {
		way = append(way, s.states[s.parent[n]])
	}
	slices.Reverse(way)
	way = append(way, after...)
	var steps []string
	for i, to := range way[1:] {
		for _, m := range s.moves(&way[i], true) {
			if m.to == to {
				steps = append(steps, fmt.Sprintf("%d %s", m.who, m.what))
				break
			}
		}
	}
	return strings.Join(steps, "\n")
}

// hopeless finds a state from which others than the one who is stopped can't get
// everything done, though he holds up nobody, or returns -1. The edges are in the order of
// where they lead.
func (s *search[S]) hopeless(stopped int) int32 {
	first := make([]int32, len(s.states)+1)
	for _, e := range s.edges {
		first[e.to+1]++
	}
	for i := range s.states {
		first[i+1] += first[i]
	}
	fine := make([]bool, len(s.states))
	var todo []int32
	for i := range s.states {
		if s.good(&s.states[i], stopped) {
			fine[i] = true
			todo = append(todo, int32(i))
		}
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, e := range s.edges[first[n]:first[n+1]] {
			if !fine[e.from] && int(e.who) != stopped {
				fine[e.from] = true
				todo = append(todo, e.from)
			}
		}
	}
	for i := range s.states {
		if !fine[i] && (stopped == nobody || !s.holdsUp(&s.states[i], stopped)) {
			return int32(i)
		}
	}
	return -1
}
