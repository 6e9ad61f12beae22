package ring

import "unsafe"

// A buffer is a ring of records, as this process sees it.
type buffer struct {
	ring unsafe.Pointer
	size uint32 // in units, a power of two, or 0 for none
}

// A record has these before its bytes.
type record struct {
	state  word
	length word // in bytes
}

func units(bytes uint32) uint32 { return (bytes + unit - 1 + unit) / unit }

func (b *buffer) record(at uint32) *record {
	return (*record)(unsafe.Add(b.ring, uintptr(at&(b.size-1))*unit))
}

// bytes are those of the record at a position, which has been checked.
func (b *buffer) bytes(at, length uint32) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(unsafe.Pointer(b.record(at)), unit)), length)
}

// takes is how many units a record of this length takes that stands at a position, or
// false if it can't be one with so many left.
func (b *buffer) takes(at, length, left uint32) (n uint32, ok bool) {
	if length/unit >= b.size {
		return 0, false
	}
	n = units(length)
	return n, n <= left && at&(b.size-1)+n <= b.size
}

// extent is how many units the record takes that stands at a position, if so many
// are left. Others wrote what stands there: it is read once.
func (b *buffer) extent(at, left uint32) (length, n uint32, err error) {
	length = b.record(at).length.get()
	n, ok := b.takes(at, length, left)
	if !ok {
		return 0, 0, errCorrupt
	}
	return length, n, nil
}

// gap is how much padding stands before n units at tail.
func (b *buffer) gap(tail, n uint32) uint32 {
	if left := b.size - tail&(b.size-1); n > left {
		return left
	}
	return 0
}

// pad writes that padding, if it is any.
func (b *buffer) pad(tail, gap uint32) {
	if gap != 0 {
		r := b.record(tail)
		r.length.put(gap*unit - unit)
		r.state.put(padding)
	}
}

// walk goes through the records from one position to another, as far as they can be
// records: others may write over them meanwhile.
func (b *buffer) walk(at, end uint32, each func(at, state uint32)) {
	for end-at <= b.size && at != end {
		state := b.record(at).state.load()
		_, n, err := b.extent(at, end-at)
		if err != nil {
			return
		}
		each(at, state)
		at += n
	}
}

// longestRecord is how many bytes a record may have: a quarter of the ring with what
// stands before them.
func (b *buffer) longestRecord() int { return int(b.size)/4*unit - unit }

func (b *buffer) mayHave(bytes int) error {
	if bytes < 0 || bytes > b.longestRecord() {
		return explain(ErrTooLong, "%d bytes, %d at most: a quarter of the ring", bytes, b.longestRecord())
	}
	return nil
}
