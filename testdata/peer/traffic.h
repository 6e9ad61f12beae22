/*
 * What the peers of the ring benchmarks have in common: records of which every byte is
 * written and read, from a process on the last CPU to one on the first.
 */
#ifndef TRAFFIC_H
#define TRAFFIC_H

#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void stay_on(long cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof set, &set);
}

static uint64_t sum_of(const uint64_t *w, size_t n)
{
	uint64_t s = 0;
	for (size_t i = 0; i < n; i++)
		s += w[i];
	return s;
}

/* traffic prints the nanoseconds that one of n records takes. */
static int traffic(size_t size, long n, void (*put)(void *, size_t), void (*take)(void *, size_t))
{
	uint64_t *record = (uint64_t *)malloc(size), sum, number = 0;
	for (size_t i = 0; i < size / 8; i++)
		record[i] = i * 0x9e3779b97f4a7c15;
	sum = sum_of(record, size / 8);
	pid_t sender = fork();
	if (sender == 0) {
		stay_on(sysconf(_SC_NPROCESSORS_ONLN) - 1);
		for (;; record[0]++)
			put(record, size);
	}
	stay_on(0);
	double begin = 0;
	long warm = n / 10 + 1;
	for (; number < (uint64_t)(n + warm); number++) {
		if (number == (uint64_t)warm)
			begin = now();
		take(record, size);
		if (sum_of(record, size / 8) != sum + number) {
			fprintf(stderr, "record %ld is another\n", (long)number);
			kill(sender, SIGKILL);
			return 1;
		}
	}
	printf("%f\n", (now() - begin) / n);
	kill(sender, SIGKILL);
	waitpid(sender, NULL, 0);
	return 0;
}

#endif
