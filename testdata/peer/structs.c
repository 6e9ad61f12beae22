/*
 * The other side of docs/c-structs.md, whose structs are in shown.h.
 *
 *	structs layout        what shm.CheckLayout wants to know of each struct
 *	structs fill ID       writes one of each into the segment
 *	structs verify ID     tells what in them is not what Go is to write
 *	structs dirty ID      a trade in memory that was full of other bytes
 *	structs write ID N    writes N quotes, whose ask is its bid and 1
 *	structs read ID N     reads N quotes, and says how many were not so
 *	structs churn ID      writes quotes by plain stores until it is killed
 */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/shm.h>

#include "shown.h"

/* Where each struct is. */
struct all {
	_Alignas(256) struct trade trade;
	_Alignas(256) struct tick tick;
	_Alignas(256) struct label label;
	_Alignas(256) struct session session;
	_Alignas(256) struct event event;
	_Alignas(256) struct order order;
	_Alignas(256) struct sample sample;
	_Alignas(256) struct header header;
	_Alignas(256) struct quote quote;
};

#define BEGIN(type, c) printf("%s %zu\n", #type, sizeof(c))
#define FIELD(name, c, member) printf("%s %zu %zu\n", #name, offsetof(c, member), sizeof ((c *)0)->member)

static void layout(void)
{
	BEGIN(trade, struct trade);
	FIELD(Symbol, struct trade, symbol);
	FIELD(Venue, struct trade, venue);
	FIELD(Shares, struct trade, shares);
	FIELD(Price, struct trade, price);
	BEGIN(tick, struct tick);
	FIELD(Side, struct tick, side);
	FIELD(Shares, struct tick, shares);
	FIELD(Price, struct tick, price);
	BEGIN(label, struct label);
	FIELD(Name, struct label, name);
	BEGIN(session, struct session);
	FIELD(Halted, struct session, halted);
	FIELD(Phase, struct session, phase);
	BEGIN(event, struct event);
	FIELD(Kind, struct event, kind);
	FIELD(Price, struct event, u.price);
	BEGIN(halt, struct halt);
	FIELD(Until, struct halt, until);
	FIELD(Reason, struct halt, reason);
	BEGIN(sample, struct sample);
	FIELD(When, struct sample, when);
	FIELD(Value, struct sample, value);
	FIELD(Spare, struct sample, spare);
	BEGIN(header, struct header);
	FIELD(Length, struct header, length);
	BEGIN(quote, struct quote);
	FIELD(Seq, struct quote, seq);
	FIELD(Bid, struct quote, bid);
	FIELD(Ask, struct quote, ask);
}

static void fill(struct all *a)
{
	uint32_t length = htonl(0x01020304);

	memcpy(a->trade.symbol, "GOPH", 5);
	a->trade.venue = 0x1234;
	a->trade.shares = 100;
	a->trade.price = 12.5;
	a->tick.side = 1;
	a->tick.shares = 0x01020304;
	a->tick.price = -5;
	memcpy(a->label.name, "sixteen letters!", sizeof a->label.name);
	a->session.halted = true;
	a->session.phase = OPEN;
	a->event.kind = 2;
	a->event.u.halt.until = 99;
	strcpy(a->event.u.halt.reason, "news");
	a->order.side = 1;
	a->order.type = 5;
	a->order.shares = 0xabcdef;
	a->sample.when = -7;
	a->sample.value = 3;
	memcpy(a->header.length, &length, sizeof length);
}

static int verify(struct all *a)
{
	int wrong = 0;
#define WANT(what) if (!(what)) wrong++, printf("not so: %s\n", #what)
	WANT(strcmp(a->trade.symbol, "CGOPHER") == 0);
	WANT(a->trade.venue == 0x4321 && a->trade.shares == 7 && a->trade.price == -0.25);
	WANT(a->tick.side == 2 && a->tick.shares == 0xfffefdfc && a->tick.price == INT64_MIN);
	WANT(strcmp(a->label.name, "short") == 0);
	WANT(!a->session.halted && a->session.phase == AUCTION);
	WANT(a->event.kind == 1 && a->event.u.price == 99.75);
	WANT(a->order.side == 0 && a->order.type == 6 && a->order.shares == 0x1234567);
	WANT(a->sample.when == 1LL << 40 && a->sample.value == -3);
	WANT(a->header.length[0] == 0x0a && a->header.length[3] == 0x0d);
	return wrong;
}

int main(int argc, char **argv)
{
	struct all *a;
	long n = argc > 3 ? atol(argv[3]) : 0;

	if (argc < 3)
		return layout(), 0;
	a = shmat(atoi(argv[2]), NULL, 0);
	if (a == (void *)-1)
		return perror("shmat"), 2;
	if (!strcmp(argv[1], "fill")) {
		fill(a);
	} else if (!strcmp(argv[1], "dirty")) {
		memset(&a->trade, 0xff, sizeof a->trade);
		memset(a->trade.symbol, 0, sizeof a->trade.symbol);
		fill(a);
	} else if (!strcmp(argv[1], "verify")) {
		return verify(a) != 0;
	} else if (!strcmp(argv[1], "write")) {
		for (long i = 0; i < n; i++)
			quote_write(&a->quote, i, i + 1);
	} else if (!strcmp(argv[1], "read")) {
		uint64_t bid, ask;
		long wrong = 0;
		for (long i = 0; i < n;)
			if (quote_read(&a->quote, &bid, &ask))
				i++, wrong += ask != bid + 1;
		printf("%ld\n", wrong);
	} else if (!strcmp(argv[1], "churn")) {
		volatile struct quote *q = &a->quote;
		for (uint64_t i = 0;; i++) {
			q->bid = i;
			q->ask = i + 1;
		}
	}
	return 0;
}
