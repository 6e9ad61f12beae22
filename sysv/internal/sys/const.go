package sys

// The flags and commands of <linux/ipc.h>, <linux/shm.h>, <linux/sem.h> and
// <linux/msg.h>.
// They are the same on every architecture.
const (
	IPC_PRIVATE = 0

	IPC_CREAT  = 0o1000
	IPC_EXCL   = 0o2000
	IPC_NOWAIT = 0o4000

	IPC_RMID = 0
	IPC_SET  = 1
	IPC_STAT = 2
	IPC_INFO = 3

	SHM_HUGETLB    = 0o4000
	SHM_NORESERVE  = 0o10000
	SHM_HUGE_SHIFT = 26

	SHM_RDONLY = 0o10000
	SHM_RND    = 0o20000
	SHM_REMAP  = 0o40000
	SHM_EXEC   = 0o100000

	SHM_LOCK     = 11
	SHM_UNLOCK   = 12
	SHM_INFO     = 14
	SHM_STAT_ANY = 15

	// Bits that IPC_STAT adds to the permissions in shm_perm.mode.
	SHM_DEST   = 0o1000
	SHM_LOCKED = 0o2000

	SEM_UNDO = 0x1000

	GETPID       = 11
	GETVAL       = 12
	GETALL       = 13
	GETNCNT      = 14
	GETZCNT      = 15
	SETVAL       = 16
	SETALL       = 17
	SEM_INFO     = 19
	SEM_STAT_ANY = 20

	// SEMVMX is the largest value of a semaphore, fixed in the kernel.
	SEMVMX = 32767

	MSG_NOERROR = 0o10000
	MSG_EXCEPT  = 0o20000
	MSG_COPY    = 0o40000

	MSG_INFO     = 12
	MSG_STAT_ANY = 13
)
