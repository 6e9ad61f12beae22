//go:build sysvipc_steps && linux && !android

package ring

import (
	"context"
	"os"
	"sync/atomic"
	"syscall"

	"example.com/sysvipc/sysv/event"
)

func init() { unexplored() }

// unexplored has accesses be what they are, until the exploration takes them.
func unexplored() { each, copyingByWords = truly, false }

// truly is each access as it is without the build tag.
func truly(a access, w *word, old, new uint32) uint32 {
	b := func(yes bool) uint32 {
		if yes {
			return 1
		}
		return 0
	}
	switch a {
	case loads, gets:
		return w.v.Load()
	case stores, puts:
		w.v.Store(new)
	case swaps:
		return b(w.v.CompareAndSwap(old, new))
	case announces:
		return uint32(bellOf(w).Announce())
	case listens:
		return 1
	case rings:
		bellOf(w).AdvanceIfAwaited()
	case awaits:
		bellOf(w).Await(context.Background(), event.Seen(old))
	}
	return 0
}

// killAfter has the process kill itself at its n-th access to what is shared.
func killAfter(n int64) {
	var count atomic.Int64
	each = func(a access, w *word, old, new uint32) uint32 {
		if count.Add(1) == n {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		return truly(a, w, old, new)
	}
}
