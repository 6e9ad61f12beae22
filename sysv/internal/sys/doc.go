// Package sys holds one thin function for each System V IPC system call and for
// futex(2), the kernel's constants, and its struct layouts per architecture. It is the only
// package of this module that knows any of these, and it holds no policy:
// nothing here retries, waits longer than the kernel does, or explains.
//
// Every function returns the kernel's errno, an [Errno], as its error. Structs
// that differ between architectures leave this package in one shape, with
// fields wide enough for all of them.
//
// The contracts are shmget(2), shmop(2), shmctl(2), semget(2), semop(2),
// semctl(2), msgget(2), msgop(2), msgctl(2) and futex(2), and where those are silent
// the kernel's ipc/shm.c, ipc/sem.c, ipc/msg.c and kernel/futex.
// Architectures whose direct calls came with Linux 5.1 (386, mips, mipsle,
// ppc64, ppc64le, s390x) use those and not ipc(2), so an older kernel answers
// ENOSYS there.
package sys
