/* What package event's documentation shows the writer of a price feed in C. */
struct feed {
	uint32_t changed; /* the event.Count */
	uint32_t edition;
	uint32_t prices[2][4];
};

static void feed_publish(struct feed *f, const uint32_t prices[4])
{
	uint32_t next = __atomic_load_n(&f->edition, __ATOMIC_SEQ_CST) + 1;
	for (int i = 0; i < 4; i++)
		__atomic_store_n(&f->prices[next % 2][i], prices[i], __ATOMIC_SEQ_CST);
	__atomic_store_n(&f->edition, next, __ATOMIC_SEQ_CST);
	event_advance(&f->changed);
}
