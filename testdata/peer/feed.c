/*
 * Writes the price feed that stands in the segment with a key. Each line of standard
 * input says how many editions: the prices of edition n are n, 2n, 3n and 4n. After
 * them it prints "done".
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>

#include "event.h"
#include "feed.h"

int main(int argc, char **argv)
{
	(void)argc;
	int id = shmget(strtoul(argv[1], NULL, 0), 0, 0);
	struct feed *f = shmat(id, NULL, 0);
	if (id < 0 || f == (void *)-1) {
		perror(argv[1]);
		return 1;
	}
	unsigned long editions;
	while (scanf("%lu", &editions) == 1) {
		while (editions--) {
			uint32_t n = f->edition + 1;
			feed_publish(f, (uint32_t[4]){n, 2 * n, 3 * n, 4 * n});
		}
		puts("done");
		fflush(stdout);
	}
	return 0;
}
