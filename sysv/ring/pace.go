package ring

import (
	"sync/atomic"
	"time"
)

// lookAround is how often who has nothing to do asks the kernel who lives, and whether
// there is something to belong to.
const lookAround = 50 * time.Millisecond

// A pace lets somebody look every lookAround, and at first.
type pace struct{ last atomic.Int64 }

var began = time.Now()

func (p *pace) due() bool {
	now := int64(time.Since(began) + lookAround)
	last := p.last.Load()
	return now-last >= int64(lookAround) && p.last.CompareAndSwap(last, now)
}
