package messages

import (
	"sync/atomic"
	"unsafe"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/sysv/shm"
)

// ledger is where producers and consumers write down what they sent and what
// they got, so that the parent can compare. It is memory that a parent shares
// with its children and that nothing can leave behind; the messages themselves
// go through the queue or the ring alone.
type ledger struct {
	seg *shm.Segment // nil in a child
	mem *shm.Mapping
	*plan
	*stage
	slots  []children.Slot // of the producers and then the consumers
	cells  []cell          // of each consumer one for each producer, and one for nobody's messages
	seen   []atomic.Uint32 // a bit for each message that arrived
	filler []byte
}

// offsets are where the slots, the cells and the bits begin, and where they end.
func (p *plan) offsets() (slots, cells, bits, end int) {
	slots = int(unsafe.Sizeof(plan{}) + unsafe.Sizeof(stage{}))
	cells = slots + p.workers()*int(unsafe.Sizeof(children.Slot{}))
	bits = cells + int(p.Consumers)*(int(p.Producers)+1)*int(unsafe.Sizeof(cell{}))
	return slots, cells, bits, bits + p.words()*4
}

func (p *plan) words() int { return int((p.Messages + 31) / 32) }

// newLedger makes the ledger of a plan, with nothing in it.
func newLedger(p plan) (*ledger, error) {
	_, _, _, size := p.offsets()
	seg, mem, err := shm.Anonymous(size)
	if err != nil {
		return nil, err
	}
	l := &ledger{seg: seg, mem: mem}
	if l.plan, err = shm.View[plan](mem, 0); err == nil {
		*l.plan = p
		err = l.lay()
	}
	if err != nil {
		mem.Detach()
		return nil, err
	}
	return l, nil
}

// openLedger attaches that of the parent.
func openLedger() (*ledger, error) {
	mem, err := shm.FromParent()
	if err != nil {
		return nil, err
	}
	l := &ledger{mem: mem}
	if l.plan, err = shm.View[plan](mem, 0); err != nil {
		return nil, err
	}
	return l, l.lay()
}

func (l *ledger) lay() (err error) {
	slots, cells, bits, _ := l.offsets()
	if l.stage, err = shm.View[stage](l.mem, int(unsafe.Sizeof(plan{}))); err != nil {
		return err
	}
	if l.slots, err = shm.Slice[children.Slot](l.mem, slots, l.workers()); err != nil {
		return err
	}
	if l.cells, err = shm.Slice[cell](l.mem, cells, int(l.Consumers*(l.Producers+1))); err != nil {
		return err
	}
	if l.seen, err = shm.Slice[atomic.Uint32](l.mem, bits, l.words()); err != nil {
		return err
	}
	l.filler = make([]byte, int(l.Size)+fillerPeriod)
	for i := range l.filler {
		l.filler[i] = byte(i % fillerPeriod)
	}
	return nil
}
