/*
 * The C side of package event's benchmarks: an eventcount on futex(2), as the
 * package's documentation shows it. Each command prints one number.
 *
 *   event add N              ns for an atomic addition
 *   event pingpong CPUS N    ns for a turn to another process and back
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include "event.h"

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void stay_on(int cpu)
{
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof cpus, &cpus) < 0)
		fail("sched_setaffinity");
}

static double add(uint32_t *e, long n)
{
	double begin = now();
	for (long i = 0; i < n; i++)
		__atomic_add_fetch(e, 4, __ATOMIC_SEQ_CST);
	return (now() - begin) / n;
}

static void await(uint32_t *e, uint32_t seen)
{
	while (event_read(e) == seen)
		event_await(e, seen);
}

static double pingpong(uint32_t *there, uint32_t *back, int cpus, long n)
{
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	stay_on(child == 0 ? cpus - 1 : 0);
	if (child == 0) {
		for (long i = 0; i < n; i++) {
			await(there, i);
			event_advance(back);
		}
		_exit(0);
	}
	double begin = now();
	for (long i = 0; i < n; i++) {
		event_advance(there);
		await(back, i);
	}
	double took = now() - begin;
	waitpid(child, NULL, 0);
	return took / n;
}

int main(int argc, char **argv)
{
	uint32_t *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		fail("mmap");
	double result;
	if (argc == 3 && !strcmp(argv[1], "add"))
		result = add(mem, atol(argv[2]));
	else if (argc == 4 && !strcmp(argv[1], "pingpong"))
		result = pingpong(mem, mem + 64, atoi(argv[2]), atol(argv[3]));
	else {
		fprintf(stderr, "usage: see the source\n");
		return 2;
	}
	printf("%.2f\n", result);
	return 0;
}
