package shm

import (
	"fmt"
	"reflect"
)

// A Field is where a C struct has one of its members, in bytes: what offsetof and
// sizeof say.
type Field struct {
	Name   string // as the Go struct calls it
	Offset int    // from the beginning of the struct
	Size   int    // without padding
}

// CheckLayout returns an error unless T is laid out as a C struct is that has
// sizeof size and these members. The error names the first field that is
// elsewhere, larger or smaller, missing from fields or not in T, and it is an error,
// too, if [View] refuses T. Call it in a test, or before a program that must not run
// with wrong numbers views anything.
//
// Fields of T that are called _ are padding and not compared. A field that is a
// struct, or an array of structs, is compared as a whole: check its type by a call
// of its own. Whether C has a double where T has a uint64 is not seen.
//
// testdata/layout.c prints the arguments, once it has been given the struct:
//
//	err := shm.CheckLayout[Trade](24,
//		shm.Field{Name: "Symbol", Offset: 0, Size: 8},
//		shm.Field{Name: "Venue", Offset: 8, Size: 2},
//		shm.Field{Name: "Shares", Offset: 12, Size: 4},
//		shm.Field{Name: "Price", Offset: 16, Size: 8},
//	)
func CheckLayout[T any](size int, fields ...Field) error {
	return checkLayout(reflect.TypeFor[T](), size, fields)
}

func checkLayout(t reflect.Type, size int, fields []Field) error {
	fail := func(format string, args ...any) error {
		return fmt.Errorf("shm: CheckLayout[%v]: %w", t, fmt.Errorf(format, args...))
	}
	if err := checkType(t); err != nil {
		return fail("%w", err)
	}
	if t.Kind() != reflect.Struct {
		return fail("%v is no struct", t.Kind())
	}
	theirs := make(map[string]Field)
	for _, f := range fields {
		if f.Name == "_" {
			return fail("field _ is padding, which is not compared")
		}
		if _, ok := theirs[f.Name]; ok {
			return fail("field %s is given twice", f.Name)
		}
		theirs[f.Name] = f
	}
	for ours := range t.Fields() {
		if ours.Name == "_" {
			continue
		}
		their, ok := theirs[ours.Name]
		delete(theirs, ours.Name)
		switch {
		case !ok:
			return fail("field %s is not in C's struct", ours.Name)
		case int(ours.Offset) != their.Offset:
			return fail("field %s is at %d, in C at %d%s", ours.Name, ours.Offset, their.Offset, packedHint(size, fields))
		case int(ours.Type.Size()) != their.Size:
			return fail("field %s has %d bytes, in C %d", ours.Name, ours.Type.Size(), their.Size)
		}
	}
	for _, f := range fields {
		if _, ok := theirs[f.Name]; ok {
			return fail("field %s of C's struct is not in Go's", f.Name)
		}
	}
	if int(t.Size()) != size {
		return fail("the struct has %d bytes, in C %d%s", t.Size(), size, packedHint(size, fields))
	}
	return nil
}

// packedHint says what to do with a C struct whose members leave no room between
// them, which is how packed ones look.
func packedHint(size int, fields []Field) string {
	for _, f := range fields {
		size -= f.Size
	}
	if size != 0 {
		return ""
	}
	return " (if C's struct is packed, copy it with ReadAt and read it with encoding/binary)"
}
