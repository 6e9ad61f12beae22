package term

import (
	"os"

	"golang.org/x/term"
)

// CtrlC is the key of a raw terminal, which makes no signal of it.
const CtrlC = 'C' - '@'

// Keys are those that are pressed, if there is somebody to press them.
func Keys() <-chan byte {
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
