package children

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
)

// ErrParentGone is why a child, or a joiner, ends that was left alone.
var ErrParentGone = errors.New("the process that started the run has ended")

// LiveWithParent ends a process that Start started when its parent lets go of it, or
// has died however it did, and leaves signals to the parent: the terminal sends Ctrl-C
// to all of them.
func LiveWithParent(cancel context.CancelCauseFunc) {
	term.IgnoreSignals()
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel(ErrParentGone)
	}()
}

// Watch looks ten times a second whether what a run needs is there, and cancels with
// what look says if it is not: nobody would notice who only uses the memory.
func Watch(ctx context.Context, cancel context.CancelCauseFunc, look func() error) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
		if err := look(); err != nil && ctx.Err() == nil {
			cancel(err)
			return
		}
	}
}
