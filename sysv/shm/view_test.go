//go:build linux && !android

package shm_test

import (
	"fmt"
	"math"
	"os"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unsafe"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

func TestViewIsTheMemory(t *testing.T) {
	m := attach(t, create(t, 64, nil), nil)
	type record struct {
		A uint32
		B [2]struct{ C, D int16 }
	}
	v, err := shm.View[record](m, 16)
	if err != nil {
		t.Fatal(err)
	}
	*v = record{A: 0x01010101, B: [2]struct{ C, D int16 }{{0x0202, 0x0303}, {0x0404, 0x0505}}}
	if got, want := string(m.Bytes()[16:28]), "\x01\x01\x01\x01\x02\x02\x03\x03\x04\x04\x05\x05"; got != want {
		t.Errorf("memory has %q, want %q", got, want)
	}

	s, err := shm.Slice[uint32](m, 16, 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(s) != 3 || cap(s) != 3 || s[0] != 0x01010101 || &s[0] != &v.A {
		t.Errorf("Slice = %#x with room for %d, want the same memory and room for 3", s, cap(s))
	}
}

// An accessor is what View and Slice say about one type.
type accessor func(m *shm.Mapping) error

func of[T any]() accessor {
	return func(m *shm.Mapping) error {
		_, err := shm.View[T](m, 0)
		_, errSlice := shm.Slice[T](m, 0, 1)
		if (err == nil) != (errSlice == nil) {
			return fmt.Errorf("View says %v, Slice says %v", err, errSlice)
		}
		return err
	}
}

func TestTypesThatCanBeShared(t *testing.T) {
	m := attach(t, create(t, 4096, nil), nil)
	type named uint16
	for name, access := range map[string]accessor{
		"int8":       of[int8](),
		"int":        of[int](),
		"uint64":     of[uint64](),
		"uintptr":    of[uintptr](),
		"float32":    of[float32](),
		"complex128": of[complex128](),
		"named":      of[named](),
		"arrays":     of[[3][2]named](),
		"structs":    of[struct{ A [2]struct{ B [4]float64 } }](),
		"blank":      of[struct{ A, _ int32 }](),
		"atomics": of[struct {
			A atomic.Int32
			B atomic.Uint64
			C [2]atomic.Uint32
			D atomic.Bool // keeps a number of its own
			E atomic.Uintptr
		}](),
	} {
		if err := access(m); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTypesThatCanNotBeShared(t *testing.T) {
	m := attach(t, create(t, 4096, nil), nil)
	type inner struct {
		Good int32
		Bad  [2]struct{ Name string }
	}
	for _, tt := range []struct {
		access accessor
		want   string
	}{
		{of[*int32](), "ptr can't"},
		{of[unsafe.Pointer](), "unsafe.Pointer can't"},
		{of[string](), "string can't"},
		{of[[]byte](), "slice can't"},
		{of[map[int]int](), "map can't"},
		{of[any](), "interface can't"},
		{of[chan int](), "chan can't"},
		{of[func()](), "func can't"},
		{of[bool](), "bool can't be shared between processes (C's bool is a uint8)"},

		{of[struct{ P *int32 }](), "ptr in field P can't"},
		{of[struct{ P unsafe.Pointer }](), "unsafe.Pointer in field P can't"},
		{of[struct{ S string }](), "string in field S can't"},
		{of[struct{ S []byte }](), "slice in field S can't"},
		{of[struct{ M map[int]int }](), "map in field M can't"},
		{of[struct{ E error }](), "interface in field E can't"},
		{of[struct{ C chan int }](), "chan in field C can't"},
		{of[struct{ F func() }](), "func in field F can't"},
		{of[struct{ A, B, C bool }](), "bool in field A can't"},

		{of[struct {
			A int64
			B inner
		}](), "string in field B.Bad[].Name can't"},
		{of[[4]inner](), "string in field [].Bad[].Name can't"},
		{of[[2][3]bool](), "bool in field [][] can't"},
		{of[struct{ hidden struct{ p *int } }](), "ptr in field hidden.p can't"},
		{of[struct{ _ func() }](), "func in field _ can't"},
		{of[struct{ Next atomic.Pointer[int] }](), "in field Next."},
		{of[struct{ Any atomic.Value }](), "interface in field Any.v can't"},
		// Of no size, and still nothing to share.
		{of[[0]*int](), "ptr in field [] can't"},
		{of[struct{}](), "no size"},
		{of[[0]int32](), "no size"},
	} {
		err := tt.access(m)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("error is %v, want %q in it", err, tt.want)
		}
	}
}

func TestViewErrorNamesTheType(t *testing.T) {
	m := attach(t, create(t, 10, nil), nil)
	_, err := shm.View[[]int](m, 0)
	if want := "shm: View[[]int]: slice can't be shared between processes"; err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
	_, err = shm.View[uint64](m, 1)
	if want := "shm: View[uint64]: offset 1 is not a multiple of "; err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error is %v, want %s", err, want)
	}
	_, err = shm.Slice[uint64](m, 8, 1)
	if want := "shm: Slice[uint64]: 1 of 8 bytes each at offset 8 do not fit into 10 bytes"; err == nil || err.Error() != want {
		t.Errorf("error is %v, want %s", err, want)
	}
}

// A program that views a record each time it looks at it pays next to nothing.
func TestViewAllocatesOnce(t *testing.T) {
	m := attach(t, create(t, 4096, nil), nil)
	for name, view := range map[string]func() error{
		"View": func() error {
			_, err := shm.View[order](m, 64)
			return err
		},
		"Slice": func() error {
			_, err := shm.Slice[order](m, 64, 10)
			return err
		},
	} {
		if n := testing.AllocsPerRun(100, func() { kit.Must(t, view()) }); n != 0 {
			t.Errorf("%s: %v allocations, want none after the first call", name, n)
		}
	}
}

// More types than are remembered.
func TestViewOfManyTypes(t *testing.T) {
	types := make([]reflect.Type, 3000)
	for i := range types {
		types[i] = reflect.ArrayOf(i+1, reflect.TypeFor[int8]())
	}
	for range 2 {
		for _, typ := range types {
			if err := shm.CheckType(typ); err != nil {
				t.Fatalf("%v: %v", typ, err)
			}
		}
		for i := range types {
			if typ := reflect.ArrayOf(i+1, reflect.TypeFor[bool]()); shm.CheckType(typ) == nil {
				t.Fatalf("%v is accepted", typ)
			}
		}
	}
}

// Goroutines that meet at types which are new to all of them.
func TestViewOfNewTypesAtOnce(t *testing.T) {
	m := attach(t, create(t, 64, nil), nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, access := range []accessor{
				of[struct{ A int8 }](), of[struct{ B int8 }](), of[struct{ C int8 }](), of[struct{ D int8 }](),
			} {
				if err := access(m); err != nil {
					t.Error(err)
				}
			}
			if err := of[struct{ E bool }]()(m); err == nil {
				t.Error("a bool is accepted")
			}
		})
	}
	all.Wait()
}

func TestSliceBounds(t *testing.T) {
	m := attach(t, create(t, 100, nil), nil)
	for _, tt := range []struct {
		off, n int
		want   string // "" for success
	}{
		{0, 25, ""},
		{96, 1, ""},
		{4, 24, ""},
		{0, 0, ""},
		{100, 0, ""},

		{0, 26, "do not fit"},
		{4, 25, "do not fit"},
		{100, 1, "do not fit"},
		{97, 1, "do not fit"},
		{104, 0, "do not fit"},
		{-4, 1, "do not fit"},
		{-4, 0, "do not fit"},
		{math.MinInt, 1, "do not fit"},
		{math.MaxInt - 3, 1, "do not fit"},
		{0, -1, "do not fit"},
		{0, math.MinInt, "do not fit"},
		{0, math.MaxInt, "do not fit"},
		// 4*n is 4 once it has overflowed.
		{0, math.MaxInt/2 + 2, "do not fit"},
		{4, math.MaxInt / 4, "do not fit"},

		{1, 1, "not a multiple of 4"},
		{2, 1, "not a multiple of 4"},
		{95, 1, "not a multiple of 4"},
	} {
		s, err := shm.Slice[uint32](m, tt.off, tt.n)
		switch {
		case tt.want == "" && (err != nil || len(s) != tt.n):
			t.Errorf("%d at %d: %d, %v", tt.n, tt.off, len(s), err)
		case tt.want != "" && (err == nil || s != nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%d at %d: %d, %v, want %q in the error", tt.n, tt.off, len(s), err, tt.want)
		}
	}
}

// A slice is either refused or lies within the mapping, aligned: nothing that
// the caller asks for reaches other memory.
func FuzzSliceBounds(f *testing.F) {
	const size = 5000
	seg := create(f, size, nil)
	m := attach(f, seg, nil)
	// A fuzzing worker may be ended before its cleanup.
	if err := seg.Remove(); err != nil {
		f.Fatal(err)
	}
	for _, seed := range []struct{ off, n int64 }{
		{0, 1}, {size, 0}, {size, 1}, {size - 1, 1}, {size + 2, 0}, {8, 600}, {-8, 1}, {0, -1}, {3, 3},
		{0, math.MaxInt64}, {math.MaxInt64 - 7, 2}, {0, 1 << 61}, {math.MinInt64, math.MinInt64},
	} {
		f.Add(seed.off, seed.n)
	}
	f.Fuzz(func(t *testing.T, off64, n64 int64) {
		off, n := int(off64), int(n64)
		boundsHold[uint8](t, m, off, n)
		boundsHold[[3]uint16](t, m, off, n)
		boundsHold[uint32](t, m, off, n)
		boundsHold[complex128](t, m, off, n)
		boundsHold[[size]byte](t, m, off, n)
	})
}

func boundsHold[T any](t *testing.T, m *shm.Mapping, off, n int) {
	var zero T
	elem := int(unsafe.Sizeof(zero))
	// For these alone does it fit, counted without overflow.
	fits := off >= 0 && off <= m.Len() && off%int(unsafe.Alignof(zero)) == 0 &&
		n >= 0 && n <= m.Len() && off+n*elem <= m.Len()

	s, err := shm.Slice[T](m, off, n)
	if fits != (err == nil) || len(s) != cap(s) || fits && len(s) != n || !fits && s != nil {
		t.Fatalf("Slice[%T] of %d at %d: len %d, cap %d, %v", zero, n, off, len(s), cap(s), err)
	}
	if fits && n > 0 && uintptr(unsafe.Pointer(unsafe.SliceData(s))) != address(m)+uintptr(off) {
		t.Fatalf("Slice[%T] of %d at %d is elsewhere", zero, n, off)
	}
	if n != 1 {
		return
	}
	v, err := shm.View[T](m, off)
	if fits != (err == nil) || fits != (v != nil) {
		t.Fatalf("View[%T] at %d: %v, %v", zero, off, v, err)
	}
}

// Pages that are mapped behind the segment's last byte are not part of it.
func TestViewEndsWithTheSegment(t *testing.T) {
	m := attach(t, create(t, os.Getpagesize()-1, nil), nil)
	if _, err := shm.View[[1]byte](m, os.Getpagesize()-1); err == nil {
		t.Error("View goes beyond the segment's size")
	}
}
