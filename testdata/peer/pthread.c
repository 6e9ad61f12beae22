/*
 * The C side of the benchmarks of package lock: a robust process-shared mutex of
 * the C library. Each command prints one number.
 *
 *   pthread pair N            ns for a lock and an unlock
 *   pthread contend PROCS MS  increments per second of a counter under the lock
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
	pthread_mutex_t mutex;
	volatile long counter __attribute__((aligned(128)));
	volatile int start __attribute__((aligned(128)));
	volatile int stop;
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

static void lock(void)
{
	int err = pthread_mutex_lock(&s->mutex);
	if (err == EOWNERDEAD)
		err = pthread_mutex_consistent(&s->mutex);
	must("lock", err);
}

static void unlock(void)
{
	must("unlock", pthread_mutex_unlock(&s->mutex));
}

static double pair(long n)
{
	double begin = now();
	for (long i = 0; i < n; i++) {
		lock();
		unlock();
	}
	return (now() - begin) / n;
}

static double contend(int procs, long ms)
{
	for (int i = 0; i < procs; i++) {
		pid_t child = fork();
		if (child < 0)
			must("fork", errno);
		if (child > 0)
			continue;
		while (!s->start)
			usleep(100);
		while (!s->stop) {
			lock();
			s->counter++;
			unlock();
		}
		_exit(0);
	}
	usleep(10000);
	double begin = now();
	s->start = 1;
	usleep(ms * 1000);
	long counted = s->counter;
	double took = now() - begin;
	s->stop = 1;
	while (wait(NULL) > 0)
		;
	return counted / took * 1e9;
}

int main(int argc, char **argv)
{
	pthread_mutexattr_t a;
	s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		must("mmap", errno);
	must("attr", pthread_mutexattr_init(&a));
	must("pshared", pthread_mutexattr_setpshared(&a, PTHREAD_PROCESS_SHARED));
	must("robust", pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST));
	must("init", pthread_mutex_init(&s->mutex, &a));
	double result;
	if (argc == 3 && !strcmp(argv[1], "pair"))
		result = pair(atol(argv[2]));
	else if (argc == 4 && !strcmp(argv[1], "contend"))
		result = contend(atoi(argv[2]), atol(argv[3]));
	else {
		fprintf(stderr, "usage: see the source\n");
		return 2;
	}
	printf("%.2f\n", result);
	return 0;
}
