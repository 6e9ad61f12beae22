package children

import "example.com/sysvipc/cmd/ipcdemo/internal/term"

// NewBars shows how far every process of a run is, as its slot says: their owners
// don't know. all is what one bar for all of them is called.
func NewBars(slots []Slot, name func(int) string, all string, asJSON bool) *term.Bars {
	return term.NewBars(len(slots), name, func(i int) term.Progress { return slots[i].progress() }, all, asJSON)
}

func (s *Slot) progress() term.Progress {
	state := s.State.Load()
	p := term.Progress{Begun: state != Free, Done: int64(s.Own.Load()), Total: int64(s.Target.Load())}
	switch state {
	case Done:
		p.End = term.EndedWell
	case Left, Dead, Stopped, Useless:
		p.End = term.EndedEarly
	}
	return p
}
