package messages

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync/atomic"
	"unsafe"

	"example.com/sysvipc/cmd/ipcdemo/internal/children"
	"example.com/sysvipc/sysv/event"
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

// plan is who is to send how much. It stands at the beginning of the segment.
type plan struct {
	Producers uint32
	Consumers uint32
	Messages  uint32
	Size      uint32 // of a message, in bytes
	Through   through
	Kill      uint32 // how many of them are to be killed
	Keep      uint32 // 1 if what they go through is to stay
	_         [36]byte
}

// stage is what all wait for. Whoever changes it, or the state of a slot, says so.
type stage struct {
	Changed event.Count
	Ready   atomic.Uint32 // workers that have come
	Open    atomic.Uint32 // 1 from when they may begin
	_       [52]byte
}

// cell is what one consumer got from one producer. It alone writes it, and the
// parent reads it after the consumer's end.
type cell struct {
	Count      uint32
	Next       uint32 // number after the highest one
	Late       uint32 // that came after one with a higher number
	FirstLate  uint32 // the number of the first of those,
	LateAfter  uint32 // and the number that it came after
	Again      uint32 // that had arrived before, here or elsewhere
	FirstAgain uint32
	Given      uint32 // that had been delivered before, to consumers that had died
	Noted      uint32 // and of those, that had arrived before, here or elsewhere
}

// The steps of a producer and of a consumer, but for outside.
const (
	sending  = children.Outside + 1 + iota // it may or may not have sent the message after its Own
	sent                                   // it has
	received                               // it has a message, of which nobody else knows
	noted                                  // which it has written down
)

var workerSteps = [...]string{
	children.Outside: "between two of them",
	sending:          "having written the next one, before it was sent",
	sent:             "having sent one more",
	received:         "with the next one in hand",
	noted:            "with the last one in hand, which it had written down",
}

// headSize is how many bytes of a message say whose it is: the producer and the
// number among its messages, 32 bits each.
const headSize = 8

func (p *plan) workers() int { return int(p.Producers + p.Consumers) }

// share is how many messages a producer sends, first where they begin among all.
func (p *plan) share(producer int) uint32 {
	n := p.Messages / p.Producers
	if uint32(producer) < p.Messages%p.Producers {
		n++
	}
	return n
}

func (p *plan) first(producer int) uint32 {
	i := uint32(producer)
	return i*(p.Messages/p.Producers) + min(i, p.Messages%p.Producers)
}

// victims are how many of the first producers and of the first consumers are to be
// killed: of each about half, and never all.
func (p *plan) victims() (producers, consumers uint32) {
	consumers = min((p.Kill+1)/2, p.Consumers-1)
	producers = min(p.Kill-consumers, p.Producers-1)
	return producers, p.Kill - producers
}

// stopPoint is where a slot's process stops in order to be killed: at each step in turn.
// Half of what there is to be sent is sent whoever dies, and twice as much as
// consumers receive up to there.
func (p *plan) stopPoint(i int) children.StopPoint {
	producers, consumers := p.victims()
	switch c := i - int(p.Producers); {
	case i < int(producers):
		return children.StopPoint{Step: sending + uint32(i)%2, At: p.share(i) / 2}
	case c >= 0 && c < int(consumers):
		return children.StopPoint{Step: received + uint32(c)%2, At: p.halfway()}
	}
	return children.StopPoint{}
}

// leastToKill is how many messages each process must have, for some to be killed in the
// middle.
const leastToKill = 4

// halfway is how many messages a consumer has when consumers die.
func (p *plan) halfway() uint32 { return p.Messages / (leastToKill * p.Consumers) }

// name is what a slot's process is called.
func (p *plan) name(i int) string {
	if i < int(p.Producers) {
		return fmt.Sprintf("producer %d", i)
	}
	return fmt.Sprintf("consumer %d", i-int(p.Producers))
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

// fillerPeriod divides no power of 2, so that what is shifted shows.
const fillerPeriod = 251

// fill is what stands after the head of a message.
func (l *ledger) fill(n uint32) []byte {
	return l.filler[n%fillerPeriod:][:l.Size-headSize]
}

// write makes the message n of a producer in buf, which has its size.
func (l *ledger) write(buf []byte, producer int, n uint32) {
	binary.LittleEndian.PutUint32(buf, uint32(producer))
	binary.LittleEndian.PutUint32(buf[4:], n)
	copy(buf[headSize:], l.fill(n))
}

// read tells which message this is, unless it is no producer's, to the last byte.
func (l *ledger) read(data []byte) (producer int, n uint32, ok bool) {
	if len(data) != int(l.Size) {
		return 0, 0, false
	}
	producer, n = int(binary.LittleEndian.Uint32(data)), binary.LittleEndian.Uint32(data[4:])
	ok = uint(producer) < uint(l.Producers) && n < l.share(producer) && bytes.Equal(data[headSize:], l.fill(n))
	return producer, n, ok
}

// cell is that of a consumer for a producer, or with Producers for nobody.
func (l *ledger) cell(consumer, producer int) *cell {
	return &l.cells[consumer*(int(l.Producers)+1)+producer]
}

// note writes down what a consumer got. What it got in a dead one's place may have
// arrived before, and be older than what it had.
func (l *ledger) note(consumer int, r record) {
	producer, n, ok := l.read(r.data)
	if !ok {
		l.cell(consumer, int(l.Producers)).Count++
		return
	}
	c := l.cell(consumer, producer)
	c.Count++
	before := l.mark(producer, n)
	switch {
	case r.attempts > 0:
		c.Given++
		if before {
			c.Noted++
		}
		return
	case before:
		if c.Again == 0 {
			c.FirstAgain = n
		}
		c.Again++
	case n < c.Next:
		if c.Late == 0 {
			c.FirstLate, c.LateAfter = n, c.Next-1
		}
		c.Late++
	}
	c.Next = max(c.Next, n+1)
}

// mark says that a message has arrived, and tells whether it had before.
func (l *ledger) mark(producer int, n uint32) (before bool) {
	i := l.first(producer) + n
	bit := uint32(1) << (i % 32)
	return l.seen[i/32].Or(bit)&bit != 0
}

func (l *ledger) arrived(producer int, n uint32) bool {
	i := l.first(producer) + n
	return l.seen[i/32].Load()&(1<<(i%32)) != 0
}

// missing lists which of a producer's first sent messages did not arrive.
func (l *ledger) missing(producer int, sent uint32) (ranges numbers) {
	for n := range sent {
		if !l.arrived(producer, n) {
			ranges.add(n)
		}
	}
	return ranges
}

// numbers are ranges of ascending numbers.
type numbers [][2]uint32

func (r *numbers) add(n uint32) {
	if last := len(*r) - 1; last >= 0 && (*r)[last][1]+1 == n {
		(*r)[last][1] = n
		return
	}
	*r = append(*r, [2]uint32{n, n})
}

func (r numbers) count() (n uint64) {
	for _, v := range r {
		n += uint64(v[1]-v[0]) + 1
	}
	return n
}

// String names the first few.
func (r numbers) String() string {
	const few = 5
	var s []byte
	for i, v := range r[:min(few, len(r))] {
		if i > 0 {
			s = append(s, ", "...)
		}
		s = fmt.Append(s, v[0])
		if v[1] > v[0] {
			s = fmt.Append(s, "-", v[1])
		}
	}
	if len(r) > few {
		s = fmt.Appendf(s, " and %d more", r[few:].count())
	}
	return string(s)
}
