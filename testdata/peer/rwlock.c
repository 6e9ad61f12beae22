/*
 * The C side of the benchmarks of package lock's RWMutex: a process-shared
 * pthread_rwlock_t. Each command prints one number.
 *
 *   rwlock pair N                   ns for a lock and an unlock for reading
 *   rwlock share PROCS MS WRITES    locks and unlocks per second, of which WRITES
 *                                   of 100 are for writing
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static struct shared {
	pthread_rwlock_t lock;
	volatile long value __attribute__((aligned(128)));
	volatile int start __attribute__((aligned(128)));
	volatile int stop;
	struct {
		volatile long n __attribute__((aligned(128)));
	} counted[64];
} *s;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void must(const char *what, int err)
{
	if (err) {
		fprintf(stderr, "%s: %s\n", what, strerror(err));
		exit(1);
	}
}

static double pair(long n)
{
	double begin = now();
	for (long i = 0; i < n; i++) {
		must("rdlock", pthread_rwlock_rdlock(&s->lock));
		must("unlock", pthread_rwlock_unlock(&s->lock));
	}
	return (now() - begin) / n;
}

static void take_part(int i, int writes)
{
	while (!s->start)
		usleep(100);
	for (long n = 0; !s->stop; n++) {
		if (n % 100 < writes) {
			must("wrlock", pthread_rwlock_wrlock(&s->lock));
			s->value++;
		} else {
			must("rdlock", pthread_rwlock_rdlock(&s->lock));
			(void)s->value;
		}
		must("unlock", pthread_rwlock_unlock(&s->lock));
		s->counted[i].n = n;
	}
	_exit(0);
}

static double share(int procs, long ms, int writes)
{
	for (int i = 0; i < procs; i++) {
		pid_t child = fork();
		if (child < 0)
			must("fork", errno);
		if (child == 0)
			take_part(i, writes);
	}
	usleep(10000);
	double begin = now();
	s->start = 1;
	usleep(ms * 1000);
	long counted = 0;
	for (int i = 0; i < procs; i++)
		counted += s->counted[i].n;
	double took = now() - begin;
	s->stop = 1;
	while (wait(NULL) > 0)
		;
	return counted / took * 1e9;
}

int main(int argc, char **argv)
{
	pthread_rwlockattr_t a;
	s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		must("mmap", errno);
	must("attr", pthread_rwlockattr_init(&a));
	must("pshared", pthread_rwlockattr_setpshared(&a, PTHREAD_PROCESS_SHARED));
	must("init", pthread_rwlock_init(&s->lock, &a));
	double result;
	if (argc == 3 && !strcmp(argv[1], "pair"))
		result = pair(atol(argv[2]));
	else if (argc == 5 && !strcmp(argv[1], "share") && atoi(argv[2]) <= 64)
		result = share(atoi(argv[2]), atol(argv[3]), atoi(argv[4]));
	else {
		fprintf(stderr, "usage: see the source\n");
		return 2;
	}
	printf("%.2f\n", result);
	return 0;
}
