/*
 * The C side of the shared memory benchmarks: what a C programmer would write. Each
 * command prints one number.
 *
 *   shm attach SIZE N        ns for attaching a segment and detaching it
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <time.h>

static int segment;

static void fail(const char *what)
{
	perror(what);
	if (segment >= 0)
		shmctl(segment, IPC_RMID, NULL);
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static double attach(long n)
{
	double begin = now();
	for (long i = 0; i < n; i++) {
		volatile char *memory = shmat(segment, NULL, 0);
		if (memory == (void *)-1)
			fail("shmat");
		memory[0] = 1;
		if (shmdt((void *)memory) < 0)
			fail("shmdt");
	}
	return (now() - begin) / n;
}

int main(int argc, char **argv)
{
	if (argc != 4 || strcmp(argv[1], "attach")) {
		fprintf(stderr, "usage: see the source\n");
		return 2;
	}
	segment = shmget(IPC_PRIVATE, atol(argv[2]), IPC_CREAT | 0600);
	if (segment < 0)
		fail("shmget");
	double result = attach(atol(argv[3]));
	shmctl(segment, IPC_RMID, NULL);
	printf("%.1f\n", result);
	return 0;
}
