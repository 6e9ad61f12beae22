package ring

import (
	"fmt"
	"unsafe"
)

// queueFormat is what lock.Config.Format says of a queue's memory. Its number is for
// everything that the protocol relies on.
const queueFormat = "sysvipc queue 1"

// A geometry is what a queue's memory begins with, written before anybody else has it:
// all that follows has its place and its size by that. There come what all share, the
// cells, a word for each slot of a member, the ring, and the one of what is set aside.
type geometry struct {
	cells, slots uint32
	size, aside  uint32 // of the rings in units: powers of two, or 0 for no aside
	limit        uint32 // see memory
}

const (
	mostCells = 1 << 16
	mostSlots = 1<<11 - 1
)

// places are where the parts begin, in bytes, and where the last one ends.
func (g geometry) places() (p struct{ shared, cells, producing, ring, aside, end uint64 }) {
	p.shared = line
	p.cells = p.shared + uint64(unsafe.Sizeof(shared{}))
	p.producing = p.cells + uint64(g.cells)*uint64(unsafe.Sizeof(cell{}))
	p.ring = p.producing + (uint64(g.slots)*4+line-1)/line*line
	p.aside = p.ring + uint64(g.size)*unit
	p.end = p.aside + uint64(g.aside)*unit
	return p
}

// fits tells whether it can be that of so many bytes. Others wrote it.
func (g geometry) fits(bytes int) bool {
	return g.cells > 1 && g.cells <= mostCells && g.slots > 0 && g.slots <= mostSlots &&
		isSize(g.size) && (isSize(g.aside) || g.aside == 0) && g.limit <= mostAttempts &&
		g.bytes() == uint64(bytes)
}

// bytes are how many it takes.
func (g geometry) bytes() uint64 { return g.places().end }

func (g geometry) write(memory []byte) { *(*geometry)(unsafe.Pointer(&memory[0])) = g }

// viewQueue finds the parts of a queue in a group's memory.
func viewQueue(b []byte) (memory, error) {
	if len(b) < line {
		return memory{}, fmt.Errorf("%d bytes can't be a queue", len(b))
	}
	g := *(*geometry)(unsafe.Pointer(&b[0]))
	if !g.fits(len(b)) {
		return memory{}, fmt.Errorf("%d bytes can't be a queue with %d cells, %d members, %d and %d units", len(b), g.cells, g.slots, g.size, g.aside)
	}
	at := g.places()
	m := memory{
		shared:    (*shared)(unsafe.Pointer(&b[at.shared])),
		cells:     unsafe.Slice((*cell)(unsafe.Pointer(&b[at.cells])), g.cells),
		producing: unsafe.Slice((*word)(unsafe.Pointer(&b[at.producing])), g.slots),
		buffer:    buffer{unsafe.Pointer(&b[at.ring]), g.size},
		limit:     g.limit,
	}
	if g.aside > 0 {
		m.aside = buffer{unsafe.Pointer(&b[at.aside]), g.aside}
	}
	return m, nil
}
