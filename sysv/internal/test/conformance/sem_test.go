//go:build linux && !android

package conformance

import "slices"

var semRows = slices.Concat(
	semCreateRows, semPermRows, semOpRows, semWaitRows, semUndoRows, semValueRows,
	semStatRows, semLimitRows, semNamespaceRows, semWordRows,
)

var semByDesign = []exception{
	{"SEM-007", "a set of -1 semaphores is EINVAL", "a set is made of values, whose number is not negative: none at all are EINVAL"},
	{"SEM-024", "operations at a bad address are EFAULT", "operations are a slice"},
	{"SEM-027", "a bad id and a bad address are EFAULT or EINVAL, which has changed", "operations are a slice, and a Set has an id that was good once"},
	{"SEM-034", "a timeout at a bad address is EFAULT", "the timeout is made of the context's deadline"},
	{"SEM-035", "a timeout of 1e9 nanoseconds beside the seconds is EINVAL", "the timeout is made of the context's deadline, and is never malformed"},
	{"SEM-037", "a malformed timeout is noticed before a semaphore that the set has not", "the timeout is never malformed: a context that has ended is noticed first, EFBIG second"},
	{"SEM-099", "a command that semctl has not is EINVAL", "each command is a method"},
	{"SEM-101", "values or a state at a bad address are EFAULT", "values are a slice, of which SetValues checks the length (EINVAL), and states are returned"},
	{"SEM-109", "IPC_INFO and SEM_INFO with the id -1 are EINVAL", "Limits and Usage take no id"},
}

var semFork []exception

var semArch = append([]exception{
	{"SEM-117", "ipc(2) with SEMCTL takes the address of its argument", "386, mips and s390x have it for old programs: the library makes the direct calls, and says ENOSYS before Linux 5.1"},
	{"SEM-119", "ipc(2) with SEMTIMEDOP has the timeout third on s390x, fifth elsewhere", "the library calls semtimedop itself"},
}, semOtherWord...)
