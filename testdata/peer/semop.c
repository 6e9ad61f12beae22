/*
 * The C side of the semaphore benchmarks: what a C programmer would write, with
 * nothing but semop. Each command prints one number.
 *
 *   semop pair UNDO N        ns for a -1 and a +1 on a semaphore of 1
 *   semop five N             ns for one call of five operations
 *   semop getall NSEMS N     ns for reading all values of a set
 *   semop create NSEMS N     ns for a new set, its values and its removal
 *   semop pingpong CPUS N    ns for a turn to another process and back
 *   semop contend PROCS MS   increments per second of a counter under a lock
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int set;

static void fail(const char *what)
{
	perror(what);
	if (set >= 0)
		semctl(set, 0, IPC_RMID);
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void op(int num, int delta, int flags)
{
	struct sembuf b = {num, delta, flags};
	if (semop(set, &b, 1) < 0)
		fail("semop");
}

static void stay_on(int cpu)
{
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof cpus, &cpus) < 0)
		fail("sched_setaffinity");
}

static double pair(int flags, long n)
{
	op(0, 1, 0);
	double begin = now();
	for (long i = 0; i < n; i++) {
		op(0, -1, flags);
		op(0, +1, flags);
	}
	return (now() - begin) / n;
}

static double five(long n)
{
	double begin = now();
	for (long i = 0; i < n; i++) {
		struct sembuf b[] = {{0, 1, 0}, {1, 1, 0}, {0, -1, 0}, {1, -1, 0}, {2, 0, 0}};
		if (semop(set, b, 5) < 0)
			fail("semop");
	}
	return (now() - begin) / n;
}

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
};

/* make_set makes a set of which each value is 1. */
static int make_set(int nsems, unsigned short *values)
{
	for (int i = 0; i < nsems; i++)
		values[i] = 1;
	int id = semget(IPC_PRIVATE, nsems, IPC_CREAT | 0600);
	if (id < 0)
		fail("semget");
	if (semctl(id, 0, SETALL, (union semun){.array = values}) < 0)
		fail("SETALL");
	return id;
}

static double getall(int nsems, long n)
{
	unsigned short *values = calloc(nsems, sizeof *values);
	int id = make_set(nsems, values);
	double begin = now();
	for (long i = 0; i < n; i++)
		if (semctl(id, 0, GETALL, (union semun){.array = values}) < 0)
			fail("GETALL");
	double took = now() - begin;
	semctl(id, 0, IPC_RMID);
	return took / n;
}

static double create(int nsems, long n)
{
	unsigned short *values = calloc(nsems, sizeof *values);
	double begin = now();
	for (long i = 0; i < n; i++)
		semctl(make_set(nsems, values), 0, IPC_RMID);
	return (now() - begin) / n;
}

static double pingpong(int cpus, long n)
{
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	stay_on(child == 0 ? cpus - 1 : 0);
	if (child == 0) {
		for (long i = 0; i < n; i++) {
			op(1, -1, 0);
			op(0, +1, 0);
		}
		_exit(0);
	}
	double begin = now();
	for (long i = 0; i < n; i++) {
		op(1, +1, 0);
		op(0, -1, 0);
	}
	double took = now() - begin;
	waitpid(child, NULL, 0);
	return took / n;
}

struct shared {
	volatile long counter;
	volatile int stop;
};

static double contend(int procs, long ms)
{
	struct shared *s = mmap(NULL, sizeof *s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s == MAP_FAILED)
		fail("mmap");
	op(0, 1, 0);
	op(1, 1, 0);
	for (int i = 0; i < procs; i++) {
		pid_t child = fork();
		if (child < 0)
			fail("fork");
		if (child > 0)
			continue;
		op(1, 0, 0);
		while (!s->stop) {
			op(0, -1, SEM_UNDO);
			s->counter++;
			op(0, +1, SEM_UNDO);
		}
		_exit(0);
	}
	op(1, -1, 0);
	double begin = now();
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
	set = semget(IPC_PRIVATE, 3, IPC_CREAT | 0600);
	if (set < 0)
		fail("semget");
	double result;
	if (argc == 4 && !strcmp(argv[1], "pair"))
		result = pair(atoi(argv[2]) ? SEM_UNDO : 0, atol(argv[3]));
	else if (argc == 3 && !strcmp(argv[1], "five"))
		result = five(atol(argv[2]));
	else if (argc == 4 && !strcmp(argv[1], "getall"))
		result = getall(atoi(argv[2]), atol(argv[3]));
	else if (argc == 4 && !strcmp(argv[1], "create"))
		result = create(atoi(argv[2]), atol(argv[3]));
	else if (argc == 4 && !strcmp(argv[1], "pingpong"))
		result = pingpong(atoi(argv[2]), atol(argv[3]));
	else if (argc == 4 && !strcmp(argv[1], "contend"))
		result = contend(atoi(argv[2]), atol(argv[3]));
	else {
		fprintf(stderr, "usage: see the source\n");
		semctl(set, 0, IPC_RMID);
		return 2;
	}
	semctl(set, 0, IPC_RMID);
	printf("%.1f\n", result);
	return 0;
}
