//go:build linux && !android && !(mips64 || ppc64 || s390x)

package sys

// semunIntShift is 0 where a union's first four bytes are the low half of a
// register, or all of it.
const semunIntShift = 0
