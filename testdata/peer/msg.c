/*
 * The C side of the message queue benchmarks: what a C programmer would write.
 * Each command prints one number.
 *
 *   msg pair SIZE N          ns for sending a message and receiving it
 *   msg pingpong CPUS N      ns for a message of 64 bytes to another process and back
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int queue;
static struct {
	long type;
	char text[1 << 16];
} message;

static void fail(const char *what)
{
	perror(what);
	if (queue >= 0)
		msgctl(queue, IPC_RMID, NULL);
	exit(1);
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static void transmit(long type, size_t size)
{
	message.type = type;
	if (msgsnd(queue, &message, size, 0) < 0)
		fail("msgsnd");
}

static void receive(long type)
{
	if (msgrcv(queue, &message, sizeof message.text, type, 0) < 0)
		fail("msgrcv");
}

static double pair(size_t size, long n)
{
	double begin = now();
	for (long i = 0; i < n; i++) {
		transmit(1, size);
		receive(0);
	}
	return (now() - begin) / n;
}

static void stay_on(int cpu)
{
	cpu_set_t cpus;
	CPU_ZERO(&cpus);
	CPU_SET(cpu, &cpus);
	if (sched_setaffinity(0, sizeof cpus, &cpus) < 0)
		fail("sched_setaffinity");
}

static double pingpong(int cpus, long n)
{
	pid_t child = fork();
	if (child < 0)
		fail("fork");
	stay_on(child == 0 ? cpus - 1 : 0);
	if (child == 0) {
		for (long i = 0; i < n; i++) {
			receive(1);
			transmit(2, 64);
		}
		_exit(0);
	}
	double begin = now();
	for (long i = 0; i < n; i++) {
		transmit(1, 64);
		receive(2);
	}
	double took = now() - begin;
	waitpid(child, NULL, 0);
	return took / n;
}

int main(int argc, char **argv)
{
	queue = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
	if (queue < 0)
		fail("msgget");
	double result;
	if (argc == 4 && !strcmp(argv[1], "pair") && atol(argv[2]) <= (long)sizeof message.text)
		result = pair(atol(argv[2]), atol(argv[3]));
	else if (argc == 4 && !strcmp(argv[1], "pingpong"))
		result = pingpong(atoi(argv[2]), atol(argv[3]));
	else {
		fprintf(stderr, "usage: see the source\n");
		msgctl(queue, IPC_RMID, NULL);
		return 2;
	}
	msgctl(queue, IPC_RMID, NULL);
	printf("%.1f\n", result);
	return 0;
}
