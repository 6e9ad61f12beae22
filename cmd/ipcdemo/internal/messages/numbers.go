package messages

import "fmt"

// numbers are ranges of ascending numbers.
type numbers [][2]uint32

func (r *numbers) add(n uint32) {
	if last := len(*r) - 1; last >= 0 && (*r)[last][1]+1 == n {
		(*r)[last][1] = n
		return
	}
	*r = append(*r, [2]uint32{n, n})
}

func (r numbers) count() (n uint64) {
	for _, v := range r {
		n += uint64(v[1]-v[0]) + 1
	}
	return n
}

// String names the first few.
func (r numbers) String() string {
	const few = 5
	var s []byte
	for i, v := range r[:min(few, len(r))] {
		if i > 0 {
			s = append(s, ", "...)
		}
		s = fmt.Append(s, v[0])
		if v[1] > v[0] {
			s = fmt.Append(s, "-", v[1])
		}
	}
	if len(r) > few {
		s = fmt.Appendf(s, " and %d more", r[few:].count())
	}
	return string(s)
}
