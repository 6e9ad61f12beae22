// Package event is waiting for a change in shared memory: a [Count], one word of 32
// bits in a segment, which one process advances and others wait for, without
// polling and without a semaphore.
//
// It is for Go programs that share memory with each other or with programs in C,
// where one writes what others are to react to: a price feed, a table, a flag that
// says stop. While nobody waits, to say that something has changed is an atomic
// addition. For exclusion there is [example.com/sysvipc/sysv/lock].
//
// # How to wait
//
// A Count stands in memory that is viewed, beside what it is about:
//
//	type feed struct {
//		Changed event.Count
//		Version atomic.Uint32
//		...
//	}
//	f, err := shm.View[feed](mapping, 0)
//
// Who changes something advances afterwards:
//
//	f.Version.Add(1)
//	f.Changed.Advance()
//
// and who waits says for what:
//
//	err = f.Changed.Until(ctx, func() bool { return f.Version.Load() != last })
//
// [Count.Until] is the loop that is easily written wrong: read the Count, then
// look, then wait for the Count to be another than the one that was read. In that
// order no change is missed. [Count.Read] and [Count.Await] are for a loop of one's
// own.
//
// What is waited for must be read and written in a way that holds between processes:
// by the 32-bit functions of sync/atomic, or under a lock.
//
// # What it costs
//
// Of a process's goroutines that wait on one Count one sleeps in the kernel, and
// needs a thread; the others are told by it. Different Counts take a thread each. A
// wait ends with its context within a fraction of a millisecond, by futex(2) and
// without a signal. Before it sleeps, a waiter looks for 5 µs, unless that
// was in vain lately: where both sides are busy on processors of their own, a change
// is seen within a microsecond.
//
// # What happens to whom dies
//
// Nothing is held, so nothing is left behind: a waiter that is killed is forgotten
// at the next advance, and one that is killed in the middle of an advance leaves a
// mark in the word, by which the next one wakes those whom it did not. Who is killed
// between his change and his advance wakes nobody. Therefore waiters return after
// 100 ms at most to look again, or where more than 100 goroutines of a process
// wait on a Count, after 1 ms for each of them; it is the same for the removal of
// the segment, of which the kernel tells nobody.
//
// # Mappings that can't be written
//
// Who waits says so in the word. Where the memory is attached read-only
// ([example.com/sysvipc/sysv/shm.AttachConfig]) he can't, and looks every 4 ms
// instead, or less often where more than 40 goroutines of the process do that.
//
// # The word, and programs in C
//
// The word has 2 marks of those who wait in its lowest bits, for even and odd
// sequences, and above them the sequence, 30 bits. It must be at a multiple of 4, and
// 0 is as good a beginning as any. This is what C needs, for gcc or clang with
// _GNU_SOURCE:
//
//	#include <limits.h>
//	#include <linux/futex.h>
//	#include <stdint.h>
//	#include <sys/syscall.h>
//	#include <time.h>
//	#include <unistd.h>
//
//	static uint32_t event_read(uint32_t *e)
//	{
//		return __atomic_load_n(e, __ATOMIC_SEQ_CST) >> 2;
//	}
//
//	static int event_swap(uint32_t *e, uint32_t *v, uint32_t to)
//	{
//		return __atomic_compare_exchange_n(e, v, to, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
//	}
//
//	static void event_advance(uint32_t *e)
//	{
//		uint32_t now = __atomic_add_fetch(e, 4, __ATOMIC_SEQ_CST);
//		uint32_t v = now, older = 1u << (((now >> 2) - 1) & 1);
//		if (now & 3)
//			syscall(SYS_futex, e, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
//		while (v >> 2 == now >> 2 && v & older && !event_swap(e, &v, v & ~older))
//			;
//	}
//
//	/* May return early: look again. */
//	static void event_await(uint32_t *e, uint32_t seen)
//	{
//		uint32_t v = __atomic_load_n(e, __ATOMIC_SEQ_CST), mark = 1u << (seen & 1);
//		struct timespec longest = {0, 100000000};
//		while (v >> 2 == seen && !(v & mark) && !event_swap(e, &v, v | mark))
//			;
//		if (v >> 2 == seen)
//			syscall(SYS_futex, e, FUTEX_WAIT, v | mark, &longest, NULL, 0);
//	}
//
// Where time_t is longer than long, use SYS_futex_time64. To wait:
//
//	uint32_t seen;
//	while (seen = event_read(e), !ready())
//		event_await(e, seen);
//
// Waiters in C don't announce themselves before they look: advance with
// [Count.Advance] for them. A C++ program writes the same; Python, Perl and PHP have no
// futex and can look at the sequence only.
//
// The word is an eventcount (Reed and Kanodia, "Synchronization with Eventcounts and
// Sequencers", 1979). The sources are futex(2) and the kernel's kernel/futex. The race
// detector knows that what comes before an Advance is there after a Read, Await or
// Until that follows.
package event
