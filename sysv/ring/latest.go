package ring

import (
	"context"
	"fmt"
	"io"
	"reflect"
	"sync"
	"unsafe"

	"example.com/sysvipc/sysv/lock"
)

// A Latest is this process's membership in a value of up to so many bytes, of which
// only the newest counts: any process sets it, any number read it, each of them whole,
// and can wait for the next one. All methods can be called by several goroutines at
// once, and none allocates memory but for errors.
//
// Each value has a number, one more than that of the value before it. The number is 0
// as long as nobody has set anything.
//
// A process that is killed leaves the value that was the newest, or the one that it was
// about to set, whole. Where it is stopped, as by SIGSTOP, in the moment that it sets
// a value, others can't set one until it goes on or is killed. It never holds
// up who reads, and neither do those who wait or read hold up anybody.
type Latest struct {
	membership
	latestMember

	barred func() error // keepOut
	spare  sync.Pool    // of latestWait
}

// A latestWait is what a goroutine waits for.
type latestWait struct {
	number uint64
	ready  func() bool
}

func newLatest(m latestMember) *Latest {
	l := &Latest{latestMember: m}
	l.barred = l.keepOut
	l.spare.New = func() any {
		w := new(latestWait)
		w.ready = func() bool { return l.another(w.number) || l.there() != nil }
		return w
	}
	return l
}

// Size returns how many bytes a value has at most.
func (l *Latest) Size() int { return int(l.most) }

// Set makes a copy of data the newest value, and returns its number. It waits for
// others who do the same at that moment. data may be empty.
//
// Where it is longer than Size the error is [ErrTooLong]; when ctx ends before the others have
// finished it is ctx's. Both have changed nothing.
func (l *Latest) Set(ctx context.Context, data []byte) (number uint64, err error) {
	if number, err = l.set(ctx, data); err != nil {
		return number, l.failed("Set", err)
	}
	return number, nil
}

// Get copies the newest value to the beginning of buf, and returns its length in bytes
// and its number: 0 and 0 where nobody has set one. It makes no system call but where it
// was overtaken by four values eight times in a row: then it keeps those who set
// them out for a moment.
//
// Where buf is too short the error is [io.ErrShortBuffer], n is how long it needs to
// be, and what is in buf is nothing. If others have written nonsense into the memory
// there is an error that says so, or a value that nobody has set.
func (l *Latest) Get(buf []byte) (n int, number uint64, err error) {
	if err := l.there(); err != nil {
		return 0, 0, l.failed("Get", err)
	}
	r, err := l.get(buf, overtaken, l.barred)
	if err != nil && err != io.ErrShortBuffer {
		return 0, 0, l.failed("Get", err)
	}
	return r.length, r.number, err
}

// Wait waits until the newest value is another than the one with this number, as Get and
// Set return it, or, with 0, until there is one. Then Get returns that, or one
// that is newer still: who is slow misses values. When ctx ends first the error is
// ctx's. Without processor time, but for some microseconds at first.
func (l *Latest) Wait(ctx context.Context, number uint64) error {
	l.waiting.Add(1)
	defer l.waiting.Add(-1)
	w := l.spare.Get().(*latestWait)
	w.number = number
	err := l.changed.Until(ctx, w.ready)
	l.spare.Put(w)
	if err == nil {
		err = l.there()
	}
	l.acquired()
	if err != nil {
		return l.failed("Wait", inVain(err, func() string { return fmt.Sprintf("no value came after number %d", number) }))
	}
	return nil
}

// A LatestOf is a [Latest] of values of one type, of those that [shm.View] takes. What
// is said there of the layout holds here: all processes must mean the same by T.
type LatestOf[T any] struct{ l *Latest }

// NewLatestOf makes of a Latest, whose Size must be that of a T, one of Ts. The error says
// why that can't be, or is [os.ErrClosed].
func NewLatestOf[T any](l *Latest) (*LatestOf[T], error) {
	if _, err := lock.View[T](l.group, line); err != nil { // what can't be shared
		return nil, err
	}
	if size := reflect.TypeFor[T]().Size(); uintptr(l.Size()) != size {
		return nil, fmt.Errorf("ring: values of up to %d bytes, and %v has %d: %w", l.Size(), reflect.TypeFor[T](), size, ErrTooLong)
	}
	return &LatestOf[T]{l}, nil
}

func bytesOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

// Set is [Latest.Set].
func (l *LatestOf[T]) Set(ctx context.Context, v *T) (number uint64, err error) {
	return l.l.Set(ctx, bytesOf(v))
}

// Get is [Latest.Get]: where nobody has set a value v is as it was, and number 0.
func (l *LatestOf[T]) Get(v *T) (number uint64, err error) {
	n, number, err := l.l.Get(bytesOf(v))
	if err == nil && number != 0 && n != l.l.Size() {
		err = l.l.failed("Get", explain(errCorrupt, "%d bytes, a value has %d", n, l.l.Size()))
	}
	return number, err
}

// Wait is [Latest.Wait].
func (l *LatestOf[T]) Wait(ctx context.Context, number uint64) error { return l.l.Wait(ctx, number) }
