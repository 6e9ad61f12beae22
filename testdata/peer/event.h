/* What package event's documentation shows C programs. */
#include <limits.h>
#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static uint32_t event_read(uint32_t *e)
{
	return __atomic_load_n(e, __ATOMIC_SEQ_CST) >> 2;
}

static int event_swap(uint32_t *e, uint32_t *v, uint32_t to)
{
	return __atomic_compare_exchange_n(e, v, to, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

static void event_advance(uint32_t *e)
{
	uint32_t now = __atomic_add_fetch(e, 4, __ATOMIC_SEQ_CST);
	uint32_t v = now, older = 1u << (((now >> 2) - 1) & 1);
	if (now & 3)
		syscall(SYS_futex, e, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
	while (v >> 2 == now >> 2 && v & older && !event_swap(e, &v, v & ~older))
		;
}

/* May return early: look again. */
static void event_await(uint32_t *e, uint32_t seen)
{
	uint32_t v = __atomic_load_n(e, __ATOMIC_SEQ_CST), mark = 1u << (seen & 1);
	struct timespec longest = {0, 100000000};
	while (v >> 2 == seen && !(v & mark) && !event_swap(e, &v, v | mark))
		;
	if (v >> 2 == seen)
		syscall(SYS_futex, e, FUTEX_WAIT, v | mark, &longest, NULL, 0);
}
