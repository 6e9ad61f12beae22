/* The C peer of sysv/internal/test/interop, whose documentation has the commands. */
#define _GNU_SOURCE
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include "event.h"

#define MAX_WORDS 32
#define MAX_LINE (1 << 15)
#define MAX_MESSAGE 8192
#define NEW (IPC_CREAT | IPC_EXCL | 0600)

union semun {
	int val;
	unsigned short *array;
};

static char result[MAX_LINE];

static int check(const char *call, int ret)
{
	if (ret < 0) {
		perror(call);
		exit(1);
	}
	return ret;
}

static unsigned char *segment(const char *key, size_t *size)
{
	int id = check("shmget", shmget(atoi(key), 0, 0));
	struct shmid_ds ds;
	check("shmctl", shmctl(id, IPC_STAT, &ds));
	*size = ds.shm_segsz;
	void *mem = shmat(id, NULL, 0);
	check("shmat", mem == (void *)-1 ? -1 : 0);
	return mem;
}

static int set(const char *key)
{
	return check("semget", semget(atoi(key), 0, 0));
}

static void op(int set, int delta)
{
	struct sembuf b = {0, delta, SEM_UNDO};
	check("semop", semop(set, &b, 1));
}

static void do_ftok(char **arg)
{
	sprintf(result, "%d", ftok(arg[0], atoi(arg[1])));
}

key_t key_of(const char *name)
{
	uint32_t h = 2166136261u;
	while (*name)
		h = (h ^ (unsigned char)*name++) * 16777619u;
	return h ? h : 1;
}

static void do_key_of(char **arg)
{
	char name[MAX_LINE], *to = name;
	unsigned byte;
	for (char *hex = arg[0]; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		*to++ = byte;
	*to = 0;
	sprintf(result, "%d", key_of(name));
}

static void make_segment(char **arg)
{
	check("shmget", shmget(atoi(arg[0]), atol(arg[1]), NEW));
}

static void write_bytes(char **arg)
{
	size_t size;
	unsigned char *mem = segment(arg[0], &size), *to = mem + atol(arg[1]);
	unsigned byte;
	for (char *hex = arg[2]; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		*to++ = byte;
	check("shmdt", shmdt(mem));
}

static void read_bytes(char **arg)
{
	size_t size;
	unsigned char *mem = segment(arg[0], &size);
	for (size_t i = 0; i < size; i++)
		sprintf(result + 2 * i, "%02x", mem[i]);
	check("shmdt", shmdt(mem));
}

static void make_set(char **arg)
{
	unsigned short values[MAX_WORDS];
	int n = 0;
	for (char **value = arg + 1; *value; value++)
		values[n++] = atoi(*value);
	int id = check("semget", semget(atoi(arg[0]), n, NEW));
	check("semctl", semctl(id, 0, SETALL, (union semun){.array = values}));
}

static void bare_set(char **arg)
{
	check("semget", semget(atoi(arg[0]), 1, NEW));
}

static void set_value(char **arg)
{
	union semun value = {.val = atoi(arg[2])};
	check("semctl", semctl(set(arg[0]), atoi(arg[1]), SETVAL, value));
}

static void get_value(char **arg)
{
	sprintf(result, "%d", check("semctl", semctl(set(arg[0]), atoi(arg[1]), GETVAL)));
}

static void lock(char **arg)
{
	op(set(arg[0]), -1);
}

static void unlock(char **arg)
{
	op(set(arg[0]), +1);
}

static void count(char **arg)
{
	int lock = set(arg[0]);
	size_t size;
	volatile uint32_t *counter = (void *)segment(arg[0], &size);
	for (long n = atol(arg[1]); n > 0; n--) {
		op(lock, -1);
		uint32_t v = *counter;
		sched_yield(); /* time for who does not keep to the lock */
		*counter = v + 1;
		op(lock, +1);
	}
}

static struct {
	long type;
	unsigned char text[MAX_MESSAGE];
} message;

static int queue(const char *key)
{
	return check("msgget", msgget(atoi(key), 0));
}

static void make_queue(char **arg)
{
	check("msgget", msgget(atoi(arg[0]), NEW));
}

static void send_message(char **arg)
{
	size_t n = 0;
	unsigned byte;
	for (char *hex = arg[2]; sscanf(hex, "%2x", &byte) == 1; hex += 2)
		message.text[n++] = byte;
	message.type = atol(arg[1]);
	check("msgsnd", msgsnd(queue(arg[0]), &message, n, 0));
}

static void receive_message(char **arg)
{
	ssize_t n = msgrcv(queue(arg[0]), &message, sizeof message.text, atol(arg[1]), 0);
	check("msgrcv", n);
	char *to = result + sprintf(result, n ? "%ld " : "%ld -", message.type);
	for (ssize_t i = 0; i < n; i++)
		to += sprintf(to, "%02x", message.text[i]);
}

static uint32_t *event(const char *key, const char *offset)
{
	size_t size;
	return (void *)(segment(key, &size) + atol(offset));
}

static void do_event_advance(char **arg)
{
	uint32_t *e = event(arg[0], arg[1]);
	event_advance(e);
	check("shmdt", shmdt((char *)e - atol(arg[1])));
}

static void event_echo(char **arg)
{
	uint32_t *in = event(arg[0], arg[1]), *out = event(arg[0], arg[2]);
	for (uint32_t n = 0, until = atol(arg[3]); n < until; n++) {
		uint32_t seen;
		while (seen = event_read(in), seen == n)
			event_await(in, seen);
		event_advance(out);
	}
}

static const struct {
	const char *verb;
	void (*run)(char **arg);
} commands[] = {
	{"ftok", do_ftok},
	{"key-of", do_key_of},
	{"make-segment", make_segment},
	{"write", write_bytes},
	{"read", read_bytes},
	{"make-set", make_set},
	{"bare-set", bare_set},
	{"set-value", set_value},
	{"value", get_value},
	{"lock", lock},
	{"unlock", unlock},
	{"count", count},
	{"make-queue", make_queue},
	{"send", send_message},
	{"receive", receive_message},
	{"event-advance", do_event_advance},
	{"event-echo", event_echo},
};

int main(void)
{
	static char line[MAX_LINE];
	while (fgets(line, sizeof line, stdin)) {
		char *words[MAX_WORDS + 1] = {0};
		int n = 0;
		for (char *w = strtok(line, " \n"); w && n < MAX_WORDS; w = strtok(NULL, " \n"))
			words[n++] = w;
		size_t i = 0;
		while (strcmp(commands[i].verb, words[0]) != 0)
			if (++i == sizeof commands / sizeof *commands)
				return 2;
		result[0] = 0;
		commands[i].run(words + 1);
		printf(*result ? "ok %s\n" : "ok\n", result);
		fflush(stdout);
	}
	return 0;
}
