package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"syscall"
	"time"

	"golang.org/x/term"
)

type watchCommand struct {
	Interval time.Duration `default:"1s" help:"How often to look, 50ms to 1h."`
	Once     bool          `help:"Print what there is, and end; so it is also where the output is no terminal."`
}

// Validate refuses what would keep the machine busy.
func (c *watchCommand) Validate() error {
	if c.Interval < 50*time.Millisecond || c.Interval > time.Hour {
		return fmt.Errorf("--interval must be 50ms to 1h, not %v", c.Interval)
	}
	return nil
}

// Run shows all objects and who uses them, until it is told to end.
func (c *watchCommand) Run(ctx context.Context, cancel context.CancelCauseFunc) error {
	terminal := term.IsTerminal(int(os.Stdout.Fd()))
	if c.Once || !terminal {
		lines, err := view()
		if err != nil {
			return err
		}
		width := 0
		if terminal {
			width, _ = terminalSize()
		}
		_, err = fmt.Println(strings.Join(fit(lines, width, 0), "\n"))
		return err
	}
	endOnSignal(cancel)
	s, err := openScreen()
	if err != nil {
		return err
	}
	err = c.refresh(ctx, s, keys())
	s.close()
	return err
}

// refresh draws until a key or the context ends it. Any other key draws at once.
func (c *watchCommand) refresh(ctx context.Context, s *screen, keys <-chan byte) error {
	tick := time.NewTicker(c.Interval)
	defer tick.Stop()
	for {
		lines, err := view()
		if err != nil {
			return err
		}
		title := fmt.Sprintf("ipcdemo watch  %s  every %v, q quits", time.Now().Format(time.TimeOnly), c.Interval)
		if err := s.draw(append([]string{title, ""}, lines...)); err != nil {
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
			case 'C' - '@': // as of a raw terminal, which makes no signal of Ctrl-C
				return interrupted{os.Interrupt, int(syscall.SIGINT)}
			}
		}
	}
}

// keys are those that are pressed, if there is somebody to press them.
func keys() <-chan byte {
	c := make(chan byte)
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return c
	}
	go func() {
		var b [1]byte
		for {
			if n, err := os.Stdin.Read(b[:]); n < 1 || err != nil {
				return
			}
			c <- b[0]
		}
	}()
	return c
}

// screen is a terminal that is drawn over and over. Whatever it showed before is
// there again after close.
type screen struct {
	before *term.State // nil where no keys are read
}

// The sequences are those of ECMA-48 and, for the other screen and the cursor,
// xterm's, which terminals of today have in common.
const (
	enterScreen = "\x1b[?1049h\x1b[?25l"
	leaveScreen = "\x1b[?25h\x1b[?1049l"
	goHome      = "\x1b[H"
	clearLine   = "\x1b[K"
	clearBelow  = "\x1b[J"
)

func openScreen() (*screen, error) {
	s := new(screen)
	if stdin := int(os.Stdin.Fd()); term.IsTerminal(stdin) {
		var err error
		if s.before, err = term.MakeRaw(stdin); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stdout.WriteString(enterScreen); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *screen) close() {
	os.Stdout.WriteString(leaveScreen)
	if s.before != nil {
		term.Restore(int(os.Stdin.Fd()), s.before)
	}
}

// draw shows lines in the place of those before, as many and as much of them as
// there is room for.
func (s *screen) draw(lines []string) error {
	width, height := terminalSize()
	lines = fit(lines, width, height)
	// Each line is cleared before it is written: after a full one the cursor is
	// on its last character still.
	frame := goHome + clearLine + strings.Join(lines, "\r\n"+clearLine)
	if len(lines) < height {
		frame += "\r\n" + clearBelow
	}
	_, err := os.Stdout.WriteString(frame)
	return err
}

// terminalSize is that of the terminal at the standard output. One that does not
// know its size says 0.
func terminalSize() (width, height int) {
	width, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}
