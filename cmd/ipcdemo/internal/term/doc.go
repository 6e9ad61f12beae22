// Package term is how ipcdemo speaks.
//
// Results go to standard output. Messages go to standard error, and begin with the
// program's name and a small letter; below an error is a hint where there is something to
// do about it. Progress goes to standard error too, and only where that is a terminal. The
// exit code is 0 when all is well, 1 when something failed or did not add up, 2 when the
// program was called wrongly, and 128 + n after signal n.
package term
