/*
 * Prints what shm.CheckLayout wants to know of a C struct. Put in its header, its
 * name and its members, each first as Go calls it, then as C does:
 *
 *	cc -o layout layout.c && ./layout
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct trade {
	char symbol[8];
	uint16_t venue;
	uint32_t shares;
	double price;
};

#define STRUCT struct trade
#define FIELDS \
	FIELD(Symbol, symbol) \
	FIELD(Venue, venue) \
	FIELD(Shares, shares) \
	FIELD(Price, price)

#define FIELD(go, c) \
	printf("\tshm.Field{Name: \"%s\", Offset: %zu, Size: %zu},\n", \
		#go, offsetof(STRUCT, c), sizeof ((STRUCT *)0)->c);

int main(void)
{
	printf("%zu,\n", sizeof(STRUCT));
	FIELDS
	return 0;
}
