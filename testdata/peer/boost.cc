/*
 * Boost.Interprocess's message_queue, for the ring benchmarks.
 *
 *   boost SIZE N     ns for a record from one process to another
 */
#include <boost/interprocess/ipc/message_queue.hpp>
#include <string>

#include "traffic.h"

using boost::interprocess::message_queue;

static message_queue *queue;

static void put(void *record, size_t size) { queue->send(record, size, 0); }

static void take(void *record, size_t size)
{
	message_queue::size_type got;
	unsigned int priority;
	queue->receive(record, size, got, priority);
}

int main(int, char **argv)
{
	size_t size = atol(argv[1]);
	std::string name = "sysvipc-bench-" + std::to_string(getpid());
	message_queue q(boost::interprocess::create_only, name.c_str(), size > 100000 ? 8 : size > 10000 ? 64 : 1024, size);
	message_queue::remove(name.c_str());
	queue = &q;
	return traffic(size, atol(argv[2]), put, take);
}
