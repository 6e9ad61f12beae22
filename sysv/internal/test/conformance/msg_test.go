//go:build linux && !android

package conformance

import "slices"

var msgRows = slices.Concat(
	msgCreateRows, msgPermRows, msgSendRows, msgReceiveRows, msgPeekRows, msgWaitRows,
	msgManyRows, msgStatRows, msgLimitRows, msgNamespaceRows, msgWordRows,
)

var msgByDesign = []exception{
	{"MSG-012", "a message at a bad address is EFAULT, and not sent", "messages are a slice, which is copied"},
	{"MSG-015", "a message of -1 bytes is EINVAL", "messages are a slice, whose length is not negative"},
	{"MSG-029", "a bad address to receive at is EFAULT", "the kernel writes to a buffer of the package's own"},
	{"MSG-030", "who receives at a bad address loses the message", "the kernel writes to a buffer of the package's own"},
	{"MSG-034", "MSG_EXCEPT has no meaning for a negative type", "UpTo and Except are two Selectors, and a queue is asked for one"},
	{"MSG-035", "MSG_COPY without IPC_NOWAIT is EINVAL", "Peek gives both, and never waits"},
	{"MSG-036", "MSG_COPY with MSG_EXCEPT is EINVAL", "Peek takes a position and no Selector"},
	{"MSG-058", "IPC_STAT and IPC_SET with a bad address are EFAULT", "Stat returns a value and SetPerm takes values"},
}

var msgFork []exception

var msgArch = append([]exception{
	{"MSG-070", "ipc(2) with MSGRCV of version 0 takes buffer and type through a struct ipc_kludge", "386, mips, ppc64 and s390x have it for old programs: the library makes the direct calls, and says ENOSYS before Linux 5.1"},
}, msgOtherWord...)
