package messages

import (
	"bytes"
	"encoding/binary"
)

// headSize is how many bytes of a message say whose it is: the producer and the
// number among its messages, 32 bits each.
const headSize = 8

// fillerPeriod divides no power of 2, so that what is shifted shows.
const fillerPeriod = 251

// fill is what stands after the head of a message.
func (l *ledger) fill(n uint32) []byte {
	return l.filler[n%fillerPeriod:][:l.Size-headSize]
}

// write makes the message n of a producer in buf, which has its size.
func (l *ledger) write(buf []byte, producer int, n uint32) {
	binary.LittleEndian.PutUint32(buf, uint32(producer))
	binary.LittleEndian.PutUint32(buf[4:], n)
	copy(buf[headSize:], l.fill(n))
}

// read tells which message this is, unless it is no producer's, to the last byte.
func (l *ledger) read(data []byte) (producer int, n uint32, ok bool) {
	if len(data) != int(l.Size) {
		return 0, 0, false
	}
	producer, n = int(binary.LittleEndian.Uint32(data)), binary.LittleEndian.Uint32(data[4:])
	ok = uint(producer) < uint(l.Producers) && n < l.share(producer) && bytes.Equal(data[headSize:], l.fill(n))
	return producer, n, ok
}
