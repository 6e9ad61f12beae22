//go:build linux && !android

package shm_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"sync/atomic"
	"testing"
	"unsafe"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// scribble writes random bytes all over a segment, until it is killed.
var scribble = sysvtest.Helper("scribble", func(args []string) error {
	id, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	seg, err := shm.OpenID(id)
	if err != nil {
		return err
	}
	m, err := seg.Attach(nil)
	if err != nil {
		return err
	}
	var seed [32]byte
	noise := rand.NewChaCha8(seed)
	for first := true; ; first = false {
		noise.Read(m.Bytes())
		if first {
			fmt.Println("scribbling")
		}
	}
})

// everything has a field of every kind that View admits.
type everything struct {
	I8   int8
	U16  uint16
	I32  int32
	U64  uint64
	I    int
	P    uintptr
	F32  float32
	F64  float64
	C128 complex128
	A    [3][2]int16
	Bool atomic.Bool
	At   atomic.Uint32
	_    [5]byte
}

// Whatever somebody else writes into a segment, and however fast: what this
// package says and returns follows from sizes and offsets alone, never from the
// content, and every bit pattern is a value that Go code can work with.
func TestHostileContent(t *testing.T) {
	pages := 2 * os.Getpagesize()
	size := pages + 100 // so that there is memory behind the segment's last byte
	seg := create(t, size, nil)
	p := sysvtest.Start(t, scribble, strconv.Itoa(seg.ID()))
	p.Expect("scribbling")

	first := make([]byte, size)
	if _, err := attach(t, seg, nil).ReadAt(first, 0); err != nil {
		t.Fatal(err)
	}
	changed := 0
	for range 300 {
		m, err := seg.Attach(nil)
		if err != nil {
			t.Fatal(err)
		}
		off, n := rand.IntN(size+50), rand.IntN(size)
		buf := bytes.Repeat([]byte{1}, n+8)

		got, err := m.ReadAt(buf[:n], int64(off))
		want, wantErr := max(min(n, size-off), 0), error(nil)
		if want < n {
			wantErr = io.EOF
		}
		if got != want || err != wantErr || !bytes.Equal(buf[n:], bytes.Repeat([]byte{1}, 8)) {
			t.Fatalf("ReadAt of %d at %d: %d, %v, want %d, %v, and nothing behind it", n, off, got, err, want, wantErr)
		}
		if !bytes.Equal(buf[:got], first[min(off, size):][:got]) {
			changed++
		}
		got, err = m.WriteAt(buf[:n], int64(off))
		if fits := off+n <= size; fits && (got != n || err != nil) || !fits && (got != 0 || !errors.Is(err, io.ErrShortWrite)) {
			t.Fatalf("WriteAt of %d at %d: %d, %v", n, off, got, err)
		}

		all, err := shm.Slice[everything](m, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		for i := range all {
			use(&all[i])
		}
		off &^= 15
		one, err := shm.View[everything](m, off)
		if fits := off+int(unsafe.Sizeof(*one)) <= size; fits != (err == nil) || fits != (one != nil) {
			t.Fatalf("View at %d: %v, %v", off, one, err)
		}
		if err := m.Detach(); err != nil {
			t.Fatal(err)
		}
	}
	if changed == 0 {
		t.Error("nobody scribbled")
	}
	p.Kill()
	kit.Eventually(t, "the dead process is detached", func() bool { return stat(t, seg).Nattch == 1 })
}

// use does with every field what would break if its bits were no value.
func use(e *everything) {
	e.Bool.Store(!e.Bool.Load())
	e.At.Add(1)
	e.F64 += float64(e.F32) * real(e.C128)
	counts := map[any]int{e.I8: 1, e.U16: 1, e.I32: 1, e.U64: 1, e.I: 1, e.P: 1, e.F32: 1, e.F64: 1, e.C128: 1, e.A: 1}
	fmt.Fprint(io.Discard, counts, e.Bool.Load())
	var table [256]byte
	table[uint8(e.I8)]++
}
