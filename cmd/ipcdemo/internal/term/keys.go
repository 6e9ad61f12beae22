package term

import (
	"os"
	"strings"

	"golang.org/x/term"
)

// Pressed is a key that was pressed: its character, or one of these.
type Pressed string

// Keys that are no characters, and that of a raw terminal which makes no signal of Ctrl-C.
const (
	Up       Pressed = "up"
	Down     Pressed = "down"
	PageUp   Pressed = "page up"
	PageDown Pressed = "page down"
	Home     Pressed = "home"
	LastLine Pressed = "end"
	CtrlC    Pressed = "ctrl-c"
)

// sequences are what xterm sends, and those like it, in either of its modes.
var sequences = map[string]Pressed{
	"\x1b[A": Up, "\x1bOA": Up, "\x1b[B": Down, "\x1bOB": Down,
	"\x1b[5~": PageUp, "\x1b[6~": PageDown,
	"\x1b[H": Home, "\x1bOH": Home, "\x1b[1~": Home, "\x1b[F": LastLine, "\x1bOF": LastLine, "\x1b[4~": LastLine,
	"\x03": CtrlC,
}

// Keys are those that are pressed, if there is somebody to press them.
func Keys() <-chan Pressed {
	c := make(chan Pressed)
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return c
	}
	go func() {
		var b [64]byte
		for {
			n, err := os.Stdin.Read(b[:])
			if n < 1 || err != nil {
				return
			}
			for _, key := range pressed(string(b[:n])) {
				c <- key
			}
		}
	}()
	return c
}

// pressed takes apart what came together.
func pressed(s string) (keys []Pressed) {
next:
	for s != "" {
		for sequence, key := range sequences {
			if rest, ok := strings.CutPrefix(s, sequence); ok {
				keys, s = append(keys, key), rest
				continue next
			}
		}
		if s[0] == 0x1b { // of a key that nobody asks for
			return keys
		}
		keys, s = append(keys, Pressed(s[:1])), s[1:]
	}
	return keys
}
