//go:build linux && !android

package msg_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
)

// A parcel is what producers send: who it is from, its number among those of its
// type, some bytes, and a checksum of it all.
func parcel(producer, number uint32, r *rand.Rand) []byte {
	p := make([]byte, 8, 8+4+400)
	binary.BigEndian.PutUint32(p, producer)
	binary.BigEndian.PutUint32(p[4:], number)
	for range r.IntN(400) {
		p = append(p, byte(r.Uint32()))
	}
	return binary.BigEndian.AppendUint32(p, crc32.ChecksumIEEE(p))
}

// unpack returns a parcel's producer and number, or false if it is corrupt.
func unpack(p []byte) (producer, number uint32, ok bool) {
	if len(p) < 12 {
		return 0, 0, false
	}
	body, sum := p[:len(p)-4], binary.BigEndian.Uint32(p[len(p)-4:])
	return binary.BigEndian.Uint32(body), binary.BigEndian.Uint32(body[4:]), crc32.ChecksumIEEE(body) == sum
}

// produces sends parcels of the types 1 to 3.
var produces = sysvtest.Helper("produces", func(args []string) error {
	q, v, err := queueAndNumbers(args)
	if err != nil {
		return err
	}
	producer, n := v[0], v[1]
	r := rand.New(rand.NewPCG(uint64(producer), 0))
	for i := range n {
		if err := q.Send(bg, i%3+1, parcel(uint32(producer), uint32(i), r)); err != nil {
			return err
		}
	}
	return nil
})

// consumes receives parcels of a type until an empty message comes, and prints how
// many came of each producer.
var consumes = sysvtest.Helper("consumes", func(args []string) error {
	q, v, err := queueAndNumbers(args)
	if err != nil {
		return err
	}
	counts, err := consume(bg, q, msg.Type(v[0]))
	fmt.Println(strings.Trim(fmt.Sprint(counts), "[]"))
	return err
})

const producers = 3

func consume(ctx context.Context, q *msg.Queue, sel msg.Selector) (counts [producers]int, err error) {
	type source struct {
		producer uint32
		typ      int
	}
	last := make(map[source]uint32)
	buf := make([]byte, 512)
	for {
		m, err := q.Receive(ctx, sel, buf)
		if err != nil {
			return counts, err
		}
		if len(m.Data) == 0 {
			return counts, nil
		}
		producer, number, ok := unpack(m.Data)
		if !ok || int(number%3+1) != m.Type || producer >= producers {
			return counts, fmt.Errorf("corrupt: type %d, %d bytes, producer %d, number %d", m.Type, len(m.Data), producer, number)
		}
		from := source{producer, m.Type}
		if before, seen := last[from]; seen && number <= before {
			return counts, fmt.Errorf("number %d of producer %d after %d", number, producer, before)
		}
		last[from] = number
		counts[producer]++
	}
}

// Every message comes to one receiver, whole, and those of one sender and type
// in the order in which they were sent.
func TestManyProcesses(t *testing.T) {
	n := storm.Amount(300, 20_000)
	q := newQueue(t)
	kit.Must(t, q.SetMaxBytes(2000)) // so that senders have to wait
	var receivers, senders []*sysvtest.Process
	for _, typ := range []string{"1", "2", "3", "3"} {
		receivers = append(receivers, sysvtest.Start(t, consumes, strconv.Itoa(q.ID()), typ))
	}
	for i := range producers {
		senders = append(senders, sysvtest.Start(t, produces, strconv.Itoa(q.ID()), strconv.Itoa(i), strconv.Itoa(n)))
	}
	for _, p := range senders {
		p.Finish()
	}
	for _, typ := range []int{1, 2, 3, 3} {
		kit.Must(t, q.Send(bg, typ, nil))
	}
	var total [producers]int
	for _, p := range receivers {
		line := p.Line()
		for i, s := range strings.Fields(line) {
			count, err := strconv.Atoi(s)
			kit.Must(t, err)
			total[i] += count
		}
		p.Finish()
	}
	if total != [producers]int{n, n, n} {
		t.Errorf("%v messages came, %d of each were sent", total, n)
	}
	wantLeft(t, q)
}

// Goroutines of one process are no different.
func TestManyGoroutines(t *testing.T) {
	n := storm.Amount(300, 20_000)
	q := newQueue(t)
	kit.Must(t, q.SetMaxBytes(2000))
	var senders, receivers sync.WaitGroup
	for i := range uint32(producers) {
		senders.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 0))
			for j := range n {
				if err := q.Send(t.Context(), j%3+1, parcel(i, uint32(j), r)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	var mu sync.Mutex
	var total [producers]int
	const consumers = 3
	for i := range consumers {
		receivers.Go(func() {
			sel := []msg.Selector{msg.Any, msg.UpTo(3), msg.Except(4)}[i]
			counts, err := consume(t.Context(), q, sel)
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			for i := range counts {
				total[i] += counts[i]
			}
		})
	}
	senders.Wait()
	for range consumers {
		kit.Must(t, q.Send(bg, 3, nil))
	}
	receivers.Wait()
	if total != [producers]int{n, n, n} {
		t.Errorf("%v messages came, %d of each were sent", total, n)
	}
	wantLeft(t, q)
}

// A process that is killed while it waits takes nothing with it.
func TestKilledWhileWaiting(t *testing.T) {
	q := newQueue(t)
	for range 3 {
		p := sysvtest.Start(t, consumes, strconv.Itoa(q.ID()), "1")
		kit.AwaitBlocked(t, p.Process.Pid, 1)
		p.Kill()
		send(t, q, "1 a")
		wantLeft(t, q, "1 a")
	}
	f := full(t)
	kit.Must(t, f.SetMaxBytes(1000))
	send(t, f, "1 "+string(filled(999, '-')))
	for range 3 {
		p := sysvtest.Start(t, produces, strconv.Itoa(f.ID()), "0", "1")
		kit.AwaitBlocked(t, p.Process.Pid, 1)
		p.Kill()
	}
	wantLeft(t, f, "1 x", "1 "+string(filled(999, '-')))
}

// As of a server with clients: who asks gives its own number as the type of the
// reply.
func TestRequestsAndReplies(t *testing.T) {
	q := newQueue(t)
	const clients, asks, request = 5, 40, 1
	ctx, stop := context.WithCancel(t.Context())
	served := kit.Async(t, func() error {
		buf := make([]byte, 64)
		for {
			m, err := q.Receive(ctx, msg.Type(request), buf)
			if err != nil {
				return err
			}
			from, question, _ := bytes.Cut(m.Data, []byte(" "))
			client, err := strconv.Atoi(string(from))
			if err != nil {
				return err
			}
			if err := q.Send(ctx, client, append([]byte("re "), question...)); err != nil {
				return err
			}
		}
	})
	var wg sync.WaitGroup
	for client := 2; client < 2+clients; client++ {
		wg.Go(func() {
			buf := make([]byte, 64)
			for i := range asks {
				if err := q.Send(ctx, request, fmt.Appendf(nil, "%d question %d of %d", client, i, client)); err != nil {
					t.Error(err)
				}
				m, err := q.Receive(ctx, msg.Type(client), buf)
				if want := fmt.Sprintf("re question %d of %d", i, client); err != nil || string(m.Data) != want {
					t.Errorf("reply %q, %v, want %q", m.Data, err, want)
				}
			}
		})
	}
	wg.Wait()
	stop()
	if err := served(); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	wantLeft(t, q)
}
