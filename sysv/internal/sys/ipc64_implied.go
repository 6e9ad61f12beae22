//go:build linux && !android && !(arm || mips64 || mips64le)

package sys

// ipc64 is nothing where the direct calls know only the 64-bit layouts; the
// flag itself would make a command unknown.
const ipc64 = 0
