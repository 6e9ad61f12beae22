// Package shm is System V shared memory: segments that any process of the IPC
// namespace can attach, and that stay until they are removed.
//
// It is for Go programs that share memory with programs in other languages,
// or large data with each other, without copying.
//
// # Lifetime
//
// [Create] makes a segment, which outlives the process. [Segment.Attach] maps
// it, [Mapping.Detach] ends that. [Segment.Remove] takes its key away; the
// memory itself goes with the last attachment, and until then those who are
// attached, or have the id, go on as before. The end of a process, and exec,
// detach whatever it had attached, but remove nothing.
//
// [OpenOrInit] has exactly one process fill a new segment before anybody else
// sees it, whoever is killed meanwhile. A group of package
// [example.com/sysvipc/sysv/lock] takes its key for a segment and a set: give
// it a key of its own, or [OpenOrCreate] hands out the lock's own words.
//
// # Memory
//
// A [Mapping] gives its memory out three ways. [Mapping.ReadAt] and
// [Mapping.WriteAt] copy, and are safe whatever happens in this process.
// [Mapping.Bytes], [View] and [Slice] hand out the memory itself, at its
// speed and with its dangers, none of which can be reported as an error
// because they are faults that end the program:
//
//   - to touch it after Detach, which is such a fault only as long as nothing
//     else is mapped there: later it reads or changes that. The garbage collector knows nothing of such
//     memory: a slice or pointer does not keep the mapping attached, and
//     nothing detaches it but Detach and the end of the process;
//   - to write it where it was attached read-only;
//   - to touch a page that the system can't back: when memory is short, with
//     [Config.NoReserve] or without (the kernel's out-of-memory killer, a limit
//     of a control group), or in huge pages when their pool is empty.
//
// What stands in a segment was written by others. Two processes that change
// the same bytes need a lock ([example.com/sysvipc/sysv/sem] has one) or
// sync/atomic. The 32-bit functions of sync/atomic work between processes
// everywhere. The 64-bit ones do not on mips, mipsle and 32-bit arm before v7,
// where Go makes them with a lock private to the process. The race detector
// sees one process only.
//
// The sources are shmget(2), shmop(2), shmctl(2) and sysvipc(7).
package shm
