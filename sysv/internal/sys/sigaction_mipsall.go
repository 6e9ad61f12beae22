//go:build linux && !android && (mips || mipsle || mips64 || mips64le)

package sys

// In the kernel's struct sigaction a signal set has 128 bits, and the flags stand before the handler.
const (
	sigsetSize  = 16 // bytes
	handlerWord = 1
)
