//go:build linux && !android && !(mips || mipsle || mips64 || mips64le)

package sys

// In the kernel's struct sigaction a signal set has 64 bits, and the handler comes first.
const (
	sigsetSize  = 8 // bytes
	handlerWord = 0
)
