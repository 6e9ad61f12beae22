package term

import (
	"os"
	"syscall"
)

// Interrupted is why a context ended when it was a signal.
type Interrupted struct {
	os.Signal
	number int
}

// Interrupt is what Ctrl-C is on a terminal that makes no signal of it.
var Interrupt = Interrupted{os.Interrupt, int(syscall.SIGINT)}

func (i Interrupted) Error() string { return "ended by signal: " + i.String() }

// exitCode is what a shell says of a program that died of the signal.
func (i Interrupted) exitCode() int { return 128 + i.number }
