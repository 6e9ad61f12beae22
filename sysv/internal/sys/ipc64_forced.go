//go:build linux && !android && (arm || mips64 || mips64le)

package sys

// ipc64 asks for the 64-bit layouts: these architectures still serve the
// pre-2.4 ones to a plain command (CONFIG_ARCH_WANT_IPC_PARSE_VERSION).
const ipc64 = 0x100
