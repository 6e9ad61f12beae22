package shm

import (
	"errors"
	"fmt"
	"os"
	"reflect"
	"strings"
	"sync/atomic"
	"unsafe"
)

// View returns a pointer to a T at off, in bytes, in the mapping's memory. It
// is valid until Detach.
//
// T must mean the same to every process, and nothing that others write there
// may break this one: types that contain Go pointers, strings, slices, maps,
// interfaces, channels or functions are refused, at any depth, and so are
// bools (a byte of 200 is no bool). The error names the field. The T must lie
// within the mapping, and off be a multiple of its alignment. After Detach the
// error is [os.ErrClosed].
//
// What View can't see: how others have laid out what they wrote, for which the
// package documentation has a table and [CheckLayout] a check; and that a
// [sync.Mutex] does not lock out other processes. On a read-only mapping, writing
// through the pointer ends the program. The 64-bit types and functions of
// sync/atomic are not atomic between processes on mips, mipsle and arm before v7,
// and want an off that is a multiple of 8 on all 32-bit machines; the 32-bit ones
// work everywhere.
//
// A type is looked through at its first View or Slice. Later calls take some ten
// nanoseconds and allocate nothing, so that there is no need to keep the pointer.
func View[T any](m *Mapping, off int) (*T, error) {
	s, err := slice[T](m, off, 1, "View")
	return unsafe.SliceData(s), err
}

// Slice returns n consecutive Ts at off, in bytes, in the mapping's memory,
// under the conditions of View, those of 64-bit atomics among them. Appending to
// it never writes behind it: its capacity is n.
func Slice[T any](m *Mapping, off, n int) ([]T, error) {
	return slice[T](m, off, n, "Slice")
}

func slice[T any](m *Mapping, off, n int, name string) ([]T, error) {
	var t T
	size, align := int(unsafe.Sizeof(t)), int(unsafe.Alignof(t))
	fail := func(format string, args ...any) ([]T, error) {
		return nil, fmt.Errorf("shm: %s[%v]: %w", name, reflect.TypeFor[T](), fmt.Errorf(format, args...))
	}
	if err := checkType(reflect.TypeFor[T]()); err != nil {
		return fail("%w", err)
	}
	data := m.Bytes()
	switch {
	case data == nil:
		return fail("%w", os.ErrClosed)
	case off < 0 || n < 0 || off > len(data) || n > (len(data)-off)/size:
		return fail("%d of %d bytes each at offset %d do not fit into %d bytes", n, size, off, len(data))
	case off%align != 0:
		return fail("offset %d is not a multiple of %d (ReadAt copies from any)", off, align)
	case n == 0:
		return []T{}, nil // and no pointer to what may stand behind the mapping
	}
	first := (*T)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(data)), off))
	return unsafe.Slice(first, n), nil
}

// accepted has the types that checkType has found good, by their addresses, each at
// its place or one of the next few: looking through one takes a hundred times as long
// as finding it here, and a map takes twice as long.
var accepted [1 << acceptedBits]atomic.Uintptr

const (
	acceptedBits = 10
	nextFew      = 8
)

// checkType says why values of a type can't be shared, or nil.
func checkType(t reflect.Type) error {
	address := reflect.ValueOf(t).Pointer()
	place := uint32(address>>4) * 0x9e3779b9 >> (32 - acceptedBits) // Fibonacci hashing
	free := place
	for i := range uint32(nextFew) {
		at := (place + i) % uint32(len(accepted))
		known := accepted[at].Load()
		if known == address {
			return nil
		}
		if known == 0 {
			free = at
			break
		}
	}
	if err := shareable(t, ""); err != nil {
		return err
	}
	if t.Size() == 0 {
		return errors.New("type has no size")
	}
	accepted[free].Store(address) // over another's, if need be
	return nil
}

// shareable refuses types of which not every bit pattern is a value that is
// safe in every process. path is where t was found, "" at the top.
func shareable(t reflect.Type, path string) error {
	switch t.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return nil
	case reflect.Array:
		return shareable(t.Elem(), path+"[]")
	case reflect.Struct:
		for f := range t.Fields() {
			if err := shareable(f.Type, strings.TrimPrefix(path+"."+f.Name, ".")); err != nil {
				return err
			}
		}
		return nil
	}
	where := ""
	if path != "" {
		where = " in field " + path
	}
	hint := ""
	if t.Kind() == reflect.Bool {
		hint = " (C's bool is a uint8)"
	}
	return fmt.Errorf("%v%s can't be shared between processes%s", t.Kind(), where, hint)
}
