package term

import (
	"os"
	"strings"

	"golang.org/x/term"
)

// Screen is a terminal that is drawn over and over. Whatever it showed before is
// there again after Close.
type Screen struct {
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

// OpenScreen takes the terminal at standard output.
func OpenScreen() (*Screen, error) {
	s := new(Screen)
	if stdin := int(os.Stdin.Fd()); term.IsTerminal(stdin) {
		var err error
		if s.before, err = term.MakeRaw(stdin); err != nil {
			return nil, err
		}
	}
	if _, err := os.Stdout.WriteString(enterScreen); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Close gives it back.
func (s *Screen) Close() {
	os.Stdout.WriteString(leaveScreen)
	if s.before != nil {
		term.Restore(int(os.Stdin.Fd()), s.before)
	}
}

// Draw shows lines in the place of those before, as many and as much of them as
// there is room for.
func (s *Screen) Draw(lines []string) error {
	width, height := ScreenSize()
	lines = Fit(lines, width, height)
	// Each line is cleared before it is written: after a full one the cursor is
	// on its last character still.
	frame := goHome + clearLine + strings.Join(lines, "\r\n"+clearLine)
	if len(lines) < height {
		frame += "\r\n" + clearBelow
	}
	_, err := os.Stdout.WriteString(frame)
	return err
}

// IsTerminal tells whether standard output is one.
func IsTerminal() bool { return term.IsTerminal(int(os.Stdout.Fd())) }

// IsInteractive tells whether somebody can be asked, at standard input and error.
func IsInteractive() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stderr.Fd()))
}

// Width is how wide a line is at standard output, 0 where that is no terminal.
func Width() int {
	if !IsTerminal() {
		return 0
	}
	width, _ := ScreenSize()
	return width
}

// ScreenSize is that of the terminal at the standard output. One that does not
// know its size says 0.
func ScreenSize() (width, height int) {
	width, height, err := term.GetSize(int(os.Stdout.Fd()))
	if err != nil || width <= 0 || height <= 0 {
		return 80, 24
	}
	return width, height
}
