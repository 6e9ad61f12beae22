/*
 * A POSIX message queue, for the ring benchmarks.
 *
 *   mq SIZE N     ns for a record from one process to another
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>

#include "traffic.h"

static mqd_t queue;

static void put(void *record, size_t size)
{
	if (mq_send(queue, (char *)record, size, 0) != 0)
		exit(1);
}

static void take(void *record, size_t size)
{
	if (mq_receive(queue, (char *)record, size, NULL) != (ssize_t)size)
		exit(1);
}

int main(int argc, char **argv)
{
	char name[40];
	size_t size = atol(argv[1]);
	struct mq_attr attr = {.mq_maxmsg = 10, .mq_msgsize = (long)size}; /* what mq_overview(7) allows everybody */
	(void)argc;
	snprintf(name, sizeof name, "/sysvipc-bench-%ld", (long)getpid());
	queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr);
	if (queue == (mqd_t)-1) {
		perror("mq_open");
		return 1;
	}
	mq_unlink(name);
	return traffic(size, atol(argv[2]), put, take);
}
