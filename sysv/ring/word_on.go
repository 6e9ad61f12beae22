//go:build sysvipc_steps

package ring

import "unsafe"

const exploring = true

// each is what the exploration does in the place of an access.
var each func(a access, w *word, old, new uint32) uint32

func bellOf(w *word) *bell { return (*bell)(unsafe.Pointer(w)) }

// byWords is true where the exploration is to see what is written into a record.
var byWords bool

func fillEach(m *memory, at uint32, data []byte) bool {
	if !byWords {
		return false
	}
	for i := 0; i+4 <= len(data); i += 4 {
		(*word)(unsafe.Add(unsafe.Pointer(m.record(at)), unit+i)).put(uint32(data[i]))
	}
	return true
}
