//go:build linux && !android && (mips64 || ppc64 || s390x)

package sys

// semunIntShift moves an int to where a 64-bit big-endian machine has the
// first four bytes of a union (semctl in ipc/sem.c).
const semunIntShift = 32
