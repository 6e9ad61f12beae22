package msg

import (
	"sync"

	"example.com/sysvipc/sysv/internal/sys"
)

// The kernel has a message's type in front of its bytes, so that no message goes
// to or from the caller's memory directly.

// small is how many bytes are copied by way of the stack.
const small = 128

// few is room for a small message.
type few [1 + small/sys.LongSize]int

// buffers has what larger messages are copied through.
var buffers = sync.Pool{New: func() any { return new(sys.Msgbuf) }}

// buffer returns one with room for n bytes, to be handed back to buffers.
func buffer(n int) *sys.Msgbuf {
	b := buffers.Get().(*sys.Msgbuf)
	if len(*b) == 0 || len(b.Bytes()) < n {
		*b = sys.NewMsgbuf(max(n, 1<<13))
	}
	return b
}
