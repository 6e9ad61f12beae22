package ring

import "unsafe"

// copyIn and copyOut are copies into shared memory and out of it, which others may read and
// write at the same time. In the exploration they go word by word.

func copyIn(to, from []byte) {
	if exploring && copyingByWords {
		for i := 0; i+4 <= len(from); i += 4 {
			wordIn(to, i).put(*(*uint32)(unsafe.Pointer(&from[i])))
		}
		return
	}
	copy(to, from)
}

func copyOut(to, from []byte) {
	if exploring && copyingByWords {
		for i := 0; i+4 <= len(from); i += 4 {
			*(*uint32)(unsafe.Pointer(&to[i])) = wordIn(from, i).get()
		}
		return
	}
	copy(to, from)
}

func wordIn(b []byte, i int) *word { return (*word)(unsafe.Pointer(&b[i])) }

// copyingByWords is true where the exploration is to see what is copied.
var copyingByWords bool
