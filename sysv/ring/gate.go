package ring

import (
	"runtime"
	"sync/atomic"
	"time"
)

// A gate is a mutex for moments, between goroutines of one process: one that holds it
// does not wait for anything. Its unlock is a store, which costs a fraction of
// that of a sync.Mutex, and there is one for every record.
type gate struct{ word atomic.Uint32 }

func (g *gate) lock() {
	if !g.word.CompareAndSwap(0, 1) {
		g.wait()
	}
}

func (g *gate) unlock() { release(&g.word, 0) }

// wait is for whom somebody is in the way of, who may have been preempted.
func (g *gate) wait() {
	for tries := 0; ; tries++ {
		if g.word.Load() == 0 && g.word.CompareAndSwap(0, 1) {
			return
		}
		switch {
		case tries < 100:
		case tries < 120:
			runtime.Gosched()
		default:
			time.Sleep(20 * time.Microsecond)
		}
	}
}
