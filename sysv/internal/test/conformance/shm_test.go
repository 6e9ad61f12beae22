//go:build linux && !android

package conformance

import "slices"

var shmRows = slices.Concat(
	shmCreateRows,
	shmLookupRows,
	shmSharingRows,
	shmStrangerRows,
	shmAttachRows,
	shmDetachRows,
	shmRemoveRows,
	shmStatRows,
	shmLockRows,
	shmLimitRows,
	shmListRows,
	shmHugeRows,
	shmNamespaceRows,
	shmFtokRows,
	shmBits32Rows,
)

var shmByDesign = []exception{
	{"SHM-002", "IPC_EXCL without IPC_CREAT is ignored (shmget(2))",
		"Create gives both flags and Open neither"},
	{"SHM-065", "shmdt of an address that is no multiple of SHMLBA is EINVAL (shmop(2))",
		"a Mapping detaches the address that it got from the kernel, and takes no other"},
	{"SHM-076", "IPC_SET and IPC_STAT with a bad pointer are EFAULT (shmctl(2))",
		"SetPerm takes values and Stat returns one"},
	{"SHM-077", "a command that the kernel doesn't know is EINVAL (shmctl(2))",
		"every command is a method of its own"},
	{"SHM-094", "IPC_INFO and SHM_INFO of id -1 are EINVAL (ksys_shmctl in ipc/shm.c)",
		"Limits and Usage take no id"},
	{"SHM-128", "ipc(SHMAT) returns the address through its third argument (ipc/syscall.c)",
		"ipc(2) is not used: the direct calls exist everywhere since Linux 5.1, and an older kernel's ENOSYS says so in its hint"},
}

// A fork before exec will do for the rows that need one.
var shmFork []exception

// Rows that a 32-bit process alone can show are shown where this is one.
var shmBits32Rows, shmArch = func() ([]row, []exception) {
	if shmBits == 32 {
		return shmBits32, nil
	}
	apart := make([]exception, len(shmBits32))
	for i, r := range shmBits32 {
		apart[i] = exception{r.id, r.promise, "the call of a 32-bit process: run with GOARCH=386"}
	}
	return nil, apart
}()
