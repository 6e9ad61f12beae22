package shm

import (
	"fmt"
	"os"
	"reflect"
	"strings"
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
// What View can't see: int, uint and uintptr, and the padding of structs,
// differ between 32-bit and 64-bit programs, and a [sync.Mutex] does not lock
// out other processes. On a read-only mapping, writing through the pointer
// ends the program. The 64-bit types and functions of sync/atomic are not atomic
// between processes on mips, mipsle and arm before v7, and want an off that is a
// multiple of 8 on all 32-bit machines; the 32-bit ones work everywhere.
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
	t := reflect.TypeFor[T]()
	fail := func(format string, args ...any) ([]T, error) {
		return nil, fmt.Errorf("shm: %s[%v]: %w", name, t, fmt.Errorf(format, args...))
	}
	if err := shareable(t, ""); err != nil {
		return fail("%w", err)
	}
	data := m.Bytes()
	switch {
	case data == nil:
		return fail("%w", os.ErrClosed)
	case t.Size() == 0:
		return fail("type has no size")
	case off < 0 || n < 0 || off > len(data) || n > (len(data)-off)/int(t.Size()):
		return fail("%d of %d bytes each at offset %d do not fit into %d bytes", n, t.Size(), off, len(data))
	case off%t.Align() != 0:
		return fail("offset %d is not a multiple of %d", off, t.Align())
	case n == 0:
		return []T{}, nil // and no pointer to what may stand behind the mapping
	}
	first := (*T)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(data)), off))
	return unsafe.Slice(first, n), nil
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
	return fmt.Errorf("%v%s can't be shared between processes", t.Kind(), where)
}
