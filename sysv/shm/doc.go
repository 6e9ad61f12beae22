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
// # Structs that C programs share
//
// [View] of a Go struct is a C struct with the same fields in the same order, as a
// C compiler lays it out on the same machine:
//
//	char, unsigned char            int8 or uint8
//	short, int, long long          int16, int32, int64
//	long, size_t, a pointer        int, uint, uintptr, of 4 or 8 bytes as in C
//	int32_t, uint64_t and so on    int32, uint64 and so on
//	bool, _Bool                    uint8, which is to be 0 or 1
//	enum                           int32
//	float, double                  float32, float64
//	char name[16]                  [16]byte, which ends with a 0 or is full
//	struct, struct s[4]            a struct, [4] of them
//	union                          its member of the largest alignment, and bytes
//	                               up to its size; or ReadAt
//	bit-fields                     the integer that holds them
//
// The two do not agree where C was told otherwise (#pragma pack, packed, aligned),
// as market data often is, and on arm, mips and mipsle, where C puts 64-bit numbers
// at multiples of 8 and Go at multiples of 4, unless padding does. View can't
// know, and would show other numbers without a word: have [CheckLayout] compare
// with what the C compiler says, in a test or when the program starts. A packed
// struct is to be copied with ReadAt and read by [encoding/binary.Read], which
// takes the fields one after the other, without padding. A process of 32 bits has
// shorter longs and pointers than one of 64, and other padding on some machines:
// what both share should have fields of fixed size, each at a multiple of its own.
//
// The sources are shmget(2), shmop(2), shmctl(2) and sysvipc(7).
package shm
