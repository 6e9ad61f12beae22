package inspect

import (
	"context"
	"fmt"
	"strings"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
)

type Watch struct {
	Interval time.Duration `default:"1s" help:"How often to look, 50ms to 1h."`
	Once     bool          `help:"Print what there is, and end; so it is also where the output is no terminal."`
}

// Validate refuses what would keep the machine busy.
func (c *Watch) Validate() error {
	if c.Interval < 50*time.Millisecond || c.Interval > time.Hour {
		return fmt.Errorf("--interval must be 50ms to 1h, not %v", c.Interval)
	}
	return nil
}

// Run shows all objects and who uses them, until it is told to end.
func (c *Watch) Run(ctx context.Context, cancel context.CancelCauseFunc) error {
	terminal := term.IsTerminal()
	if c.Once || !terminal {
		lines, err := view{kinds: ofAll}.lines()
		if err != nil {
			return err
		}
		width := 0
		if terminal {
			width, _ = term.ScreenSize()
		}
		_, err = fmt.Println(strings.Join(term.Fit(lines, width, 0), "\n"))
		return err
	}
	term.EndOnSignal(cancel)
	s, err := term.OpenScreen()
	if err != nil {
		return err
	}
	err = c.refresh(ctx, s, term.Keys())
	s.Close()
	return err
}

// refresh draws until a key or the context ends it. Any other key draws at once.
func (c *Watch) refresh(ctx context.Context, s *term.Screen, keys <-chan byte) error {
	tick := time.NewTicker(c.Interval)
	defer tick.Stop()
	for {
		lines, err := view{kinds: ofAll}.lines()
		if err != nil {
			return err
		}
		title := fmt.Sprintf("ipcdemo watch  %s  every %v, q quits", time.Now().Format(time.TimeOnly), c.Interval)
		if err := s.Draw(append([]string{title, ""}, lines...)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		case key := <-keys:
			switch key {
			case 'q', 'Q':
				return nil
			case term.CtrlC:
				return term.Interrupt
			}
		}
	}
}
