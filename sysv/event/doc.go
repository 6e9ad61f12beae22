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
// A Count stands in memory that is viewed, beside what it is about. This is all of a
// price feed, of which one process is the writer and any number are readers. It has
// room for two editions: the one that Edition names is complete, and the writer is at
// the other. So readers see no half-written prices, nor do they if he is killed in the
// middle; who takes his place goes on with the next edition.
//
//	type feed struct {
//		Changed event.Count
//		Edition atomic.Uint32
//		Prices  [2][4]atomic.Uint32
//	}
//
//	// publish is what the writer calls. There is only one of them at a time.
//	func (f *feed) publish(prices [4]uint32) {
//		next := f.Edition.Load() + 1
//		for i, price := range prices {
//			f.Prices[next%2][i].Store(price)
//		}
//		f.Edition.Store(next)
//		f.Changed.Advance()
//	}
//
//	// next waits for an edition that is not last, and reads it.
//	func (f *feed) next(ctx context.Context, last uint32) (edition uint32, prices [4]uint32, err error) {
//		for {
//			err = f.Changed.Until(ctx, func() bool { return f.Edition.Load() != last })
//			if err != nil {
//				return 0, prices, err
//			}
//			edition = f.Edition.Load()
//			for i := range prices {
//				prices[i] = f.Prices[edition%2][i].Load()
//			}
//			// Once there is another, the writer may have begun to write over this one.
//			if f.Edition.Load() == edition {
//				return edition, prices, nil
//			}
//		}
//	}
//
// Both find it by its key. Zeros are how a feed begins, so that it does not matter who
// comes first; where a segment has to be filled before others see it there is
// [example.com/sysvipc/sysv/shm.OpenOrInit].
//
//	key := sysv.KeyOf("com.example.prices") // 0x9cd2865a
//	seg, _, err := shm.OpenOrCreate(key, 4096, &shm.Config{Mode: 0o660})
//	...
//	mem, err := seg.Attach(nil)
//	...
//	f, err := shm.View[feed](mem, 0)
//
// The writer calls f.publish. Each reader has a loop, in which it skips editions if it
// is slower than the writer:
//
//	edition, prices, err := f.next(ctx, 0)
//	for ; err == nil; edition, prices, err = f.next(ctx, edition) {
//		...
//	}
//
// A writer in C is below. The packages beside this one, context and sync/atomic are
// [example.com/sysvipc/sysv] and [example.com/sysvipc/sysv/shm].
//
// [Count.Until] is the loop that is easily written wrong: read the Count, then
// look, then wait for the Count to be another than the one that was read. In that
// order no change is missed. [Count.Read] and [Count.Await] are for a loop of one's
// own.
//
// What is waited for must be read and written in a way that holds between processes:
// by the 32-bit functions of sync/atomic, or under a lock. Plain loads and stores won't
// do, even of what nobody else touches at the time: compilers and processors put them
// into another order. The 64-bit functions hold between processes everywhere but on mips,
// mipsle and arm before v7.
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
// And this is the writer of the price feed above. The struct is what shmat(id, NULL, 0)
// points to, where id is shmget(0x9cd2865a, 4096, IPC_CREAT | 0660).
// [example.com/sysvipc/sysv.KeyOf] shows how C makes a key of a name.
//
//	struct feed {
//		uint32_t changed; /* the event.Count */
//		uint32_t edition;
//		uint32_t prices[2][4];
//	};
//
//	static void feed_publish(struct feed *f, const uint32_t prices[4])
//	{
//		uint32_t next = __atomic_load_n(&f->edition, __ATOMIC_SEQ_CST) + 1;
//		for (int i = 0; i < 4; i++)
//			__atomic_store_n(&f->prices[next % 2][i], prices[i], __ATOMIC_SEQ_CST);
//		__atomic_store_n(&f->edition, next, __ATOMIC_SEQ_CST);
//		event_advance(&f->changed);
//	}
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
