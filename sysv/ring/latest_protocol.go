package ring

import (
	"context"
	"errors"
	"io"
	"time"
	"unsafe"

	"example.com/sysvipc/sysv/internal/race"
)

// Who sets a value writes it, under the writers' mutex, into the place of the oldest of
// the last few, and then makes its number the newest, by one store. So a place is
// written over when the value that is in it has long not been the newest, and who has read a
// value and sees then that it was overtaken by less than that has read it whole. A
// writer that is killed in the middle leaves what was the newest: the next one
// writes into the same place.
//
// The orders that matter: the value before its number; and before a place is written
// over the number of the value before is seen, which unlocking and locking the mutex
// sees to. A reader reads the number, then the value, then the number again, and
// between the last two there is a fence.

// latestShared is what all share, before the places of the bytes. What a reader needs of
// a value besides its bytes is in the line that tells which value that is.
type latestShared struct {
	newest  word // the lower half of the newest value's number
	_       word
	values  [kept]value
	_       [line - 8 - kept*8]byte
	changed bell
	_       [line - 4]byte
}

// A value is what is said of some bytes.
type value struct {
	era    word // the upper half of its number
	length word // in bytes
}

// A place is where a value is.
type place struct {
	*value
	data unsafe.Pointer
}

// kept is how many places there are, a power of two, so that the number says in which
// its value is.
const kept = 4

// overtaken is how many times a reader looks before it keeps the writers out.
const overtaken = 8

// keepsOut is for how long it waits for that: where a stopped writer has the mutex
// nobody overtakes it any more.
const keepsOut = 10 * time.Millisecond

// latestMemory is the segment as this process sees it.
type latestMemory struct {
	*latestShared
	data unsafe.Pointer
	most uint32 // bytes of a value
}

// latestStride is how far places are apart, and latestSize how much memory they take
// with what all share.
func latestStride(most uint32) uintptr {
	return (uintptr(most) + line - 1) &^ (line - 1)
}

func latestSize(most uint32) uint64 {
	return uint64(unsafe.Sizeof(latestShared{})) + kept*uint64(latestStride(most))
}

// newLatestMemory is for memory of latestSize.
func newLatestMemory(b []byte, most uint32) latestMemory {
	m := latestMemory{latestShared: (*latestShared)(unsafe.Pointer(&b[0])), most: most}
	m.data = unsafe.Add(unsafe.Pointer(m.latestShared), unsafe.Sizeof(latestShared{}))
	return m
}

func (m *latestMemory) value(number uint32) place {
	return place{&m.values[number%kept], unsafe.Add(m.data, uintptr(number%kept)*latestStride(m.most))}
}

func (p place) bytes(length uint32) []byte { return unsafe.Slice((*byte)(p.data), length) }

// write makes data the newest value, under the writers' mutex.
func (m *latestMemory) write(data []byte) (number uint64) {
	newest := m.newest.load()
	era := m.value(newest).era.load()
	if newest++; newest == 0 {
		era++
	}
	v := m.value(newest)
	copyIn(v.bytes(uint32(len(data))), data)
	v.length.put(uint32(len(data)))
	v.era.put(era)
	m.newest.store(newest)
	return uint64(era)<<32 | uint64(newest)
}

// A reading is what a reader has of a value.
type reading struct {
	number uint64
	length int
}

// read copies the newest value, or only its length where buf is shorter. whole is false
// if a writer has overtaken it.
func (m *latestMemory) read(buf []byte) (r reading, whole bool, err error) {
	newest := m.newest.load()
	v := m.value(newest)
	era, length := v.era.load(), v.length.load()
	if length <= m.most && int(length) <= len(buf) {
		copyOut(buf, v.bytes(length))
	}
	fence()
	// The era tells also of who has slept while the numbers came round.
	if m.newest.load()-newest >= kept-1 || v.era.load() != era {
		return r, false, nil
	}
	r = reading{uint64(era)<<32 | uint64(newest), int(length)}
	switch {
	case length > m.most:
		return r, true, errCorrupt
	case r.length > len(buf):
		return r, true, io.ErrShortBuffer
	}
	return r, true, nil
}

// another tells whether the newest value is another than the one of this number.
func (m *latestMemory) another(number uint64) bool {
	newest := m.newest.load()
	return newest != uint32(number) || m.value(newest).era.load() != uint32(number>>32)
}

// A latestMember is a process that takes part.
type latestMember struct {
	latestMemory
	writers mutex
	id      int // of the object, for the race detector
}

func (l *latestMember) set(ctx context.Context, data []byte) (number uint64, err error) {
	if uint64(len(data)) > uint64(l.most) {
		return 0, explain(ErrTooLong, "%d bytes, %d at most", len(data), l.most)
	}
	if err := l.writers.enter(ctx); err != nil {
		return 0, err
	}
	if race.Enabled {
		race.Release(race.LatestSet, l.id, 0)
	}
	number = l.write(data)
	err = l.writers.unlock()
	l.changed.ring()
	return number, err
}

// get reads a whole value. busy is the error with which the writers can't be kept out for
// the moment: then they may not write either.
func (l *latestMember) get(buf []byte, tries int, keepOut func() error) (r reading, err error) {
	if race.Enabled {
		defer l.acquired()
	}
	for {
		for range tries {
			if r, whole, err := l.read(buf); whole {
				return r, err
			}
		}
		switch err := keepOut(); {
		case errors.Is(err, errBusy):
			continue
		case err != nil:
			return reading{}, err
		}
		r, whole, err := l.read(buf)
		if failed := l.writers.unlock(); err == nil {
			err = failed
		}
		if !whole && err == nil { // the mutex was no use
			err = errCorrupt
		}
		return r, err
	}
}

// errBusy says that somebody else has the mutex.
var errBusy = errors.New("another has the mutex")

// keepOut locks the writers' mutex if that is possible soon.
func (l *latestMember) keepOut() error {
	ctx, cancel := context.WithTimeout(context.Background(), keepsOut)
	defer cancel()
	err := l.writers.enter(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		return errBusy
	}
	return err
}

func (l *latestMember) acquired() { race.Acquire(race.LatestSet, l.id, 0) }
