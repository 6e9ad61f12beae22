package main

import "os"

// interrupted is why a context ended when it was a signal.
type interrupted struct {
	os.Signal
	number int
}

func (i interrupted) Error() string { return "ended by signal: " + i.String() }

// exitCode is what a shell says of a program that died of the signal.
func (i interrupted) exitCode() int { return 128 + i.number }
