package main

import "example.com/sysvipc/cmd/ipcdemo/internal/term"

// newBars shows how far every process of a run is, as its slot says: their owners
// don't know. all is what one bar for all of them is called.
func newBars(slots []slot, name func(int) string, all string, asJSON bool) *term.Bars {
	return term.NewBars(len(slots), name, func(i int) term.Progress { return slots[i].progress() }, all, asJSON)
}

func (s *slot) progress() term.Progress {
	state := s.State.Load()
	p := term.Progress{Begun: state != free, Done: int64(s.Own.Load()), Total: int64(s.Target.Load())}
	switch state {
	case done:
		p.End = term.EndedWell
	case left, dead, stopped, useless:
		p.End = term.EndedEarly
	}
	return p
}
