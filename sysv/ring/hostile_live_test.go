//go:build linux && !android && !sysvipc_steps

package ring

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"example.com/sysvipc/sysv/internal/race"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sysvtest"
)

// A scribbler is another process that writes nonsense into a ring while others use it: of
// most words what may pass as good, and what was there at first now and then, so that they
// get somewhere.
var scribbler = sysvtest.Helper("scribbler", func(args []string) error {
	memory, err := map[string]func() ([]byte, error){
		"queue": func() ([]byte, error) {
			q, err := joinByIDs(args[1:])
			if err != nil {
				return nil, err
			}
			return q.group.Memory(), nil
		},
		"feed": func() ([]byte, error) {
			f, err := joinFeedByIDs(args[1:])
			if err != nil {
				return nil, err
			}
			return f.group.Memory(), nil
		},
		"latest": func() ([]byte, error) {
			l, err := joinLatest(args[1:])
			if err != nil {
				return nil, err
			}
			return l.group.Memory(), nil
		},
	}[args[0]]()
	if err != nil {
		return err
	}
	go func() {
		os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}()
	b := memory[line:] // what follows the geometry, which nobody looks at again
	words := unsafe.Slice((*word)(unsafe.Pointer(&b[0])), len(b)/4)
	good := make([]uint32, len(words))
	for i := range words {
		good[i] = words[i].load()
	}
	fmt.Println("scribbling")
	for {
		switch rand.IntN(200) {
		case 0:
			for i := range words {
				words[i].store(good[i])
			}
		case 1:
			time.Sleep(time.Duration(rand.IntN(int(200 * time.Microsecond))))
		}
		i := rand.IntN(len(words))
		if rand.IntN(2) == 0 {
			i %= int(unsafe.Sizeof(shared{}) / 4) // where it matters most
		}
		switch rand.IntN(5) {
		case 0:
			words[i].store(rand.Uint32())
		case 1:
			words[i].store(rand.Uint32N(20))
		case 2:
			words[i].store(rand.Uint32N(20) << slotShift)
		case 3:
			words[i].store(rand.Uint32N(70)<<16 | rand.Uint32N(70))
		default:
			words[i].store(words[i].load() + rand.Uint32N(9) - 4)
		}
	}
})

// bearScribbling has several goroutines make calls while a scribbler is at work. Whatever
// comes of them, each comes to its end, and nothing that it returns is outside the memory.
func bearScribbling(t *testing.T, kind string, ids []string, calls ...func(ctx context.Context, r *rand.Rand) (did bool)) {
	cmd := sysvtest.Command(scribbler, append([]string{kind}, ids...)...)
	if race.Enabled {
		t.Skip("skipping, by nonsense one goroutine reads what another writes: run without -race")
	}
	r := storm.Random(t)
	sysvtest.StartCommand(t, cmd).Expect("scribbling")
	end := time.Now().Add(time.Duration(storm.Amount(400, 20_000)) * time.Millisecond)
	var made, did atomic.Int64
	var wg sync.WaitGroup
	for range 4 {
		r := rand.New(rand.NewPCG(r.Uint64(), r.Uint64()))
		wg.Go(func() {
			for time.Now().Before(end) {
				call := calls[r.IntN(len(calls))]
				ctx, cancel := context.WithTimeout(bg, time.Millisecond)
				if call(ctx, r) {
					did.Add(1)
				}
				cancel()
				made.Add(1)
			}
		})
	}
	kit.Async(t, func() bool { wg.Wait(); return true })()
	t.Logf("%s: %d calls, %d of them did something", kind, made.Load(), did.Load())
}

// sumOfBytes reads what is there.
func sumOfBytes(b []byte) (s byte) {
	for _, x := range b {
		s += x
	}
	return s
}

func TestQueueBesideAScribbler(t *testing.T) {
	ids, q := newQueue(t, 256)
	bearScribbling(t, "queue", ids,
		func(_ context.Context, r *rand.Rand) bool {
			ok, err := q.TrySend(make([]byte, r.IntN(100)))
			return ok && err == nil
		},
		func(ctx context.Context, r *rand.Rand) bool {
			n, err := q.SendBatch(ctx, [][]byte{make([]byte, r.IntN(100)), nil, nil})
			return n > 0 && err == nil
		},
		func(ctx context.Context, r *rand.Rand) bool {
			w, err := q.Reserve(ctx, r.IntN(100))
			if err != nil {
				return false
			}
			clear(w.Bytes)
			return w.Commit() == nil
		},
		func(ctx context.Context, r *rand.Rand) bool {
			rec, err := q.Receive(ctx)
			if err != nil {
				return false
			}
			sumOfBytes(rec.Bytes)
			if r.IntN(2) == 0 && rec.Requeue(ctx) == nil {
				return true
			}
			return rec.Done() == nil
		},
		func(ctx context.Context, r *rand.Rand) bool {
			buf := make([]Record, 4)
			n, _ := q.ReceiveBatch(ctx, buf)
			for _, rec := range buf[:n] {
				sumOfBytes(rec.Bytes)
			}
			return q.DoneBatch(buf[:n]) == nil && n > 0
		},
		func(ctx context.Context, r *rand.Rand) bool {
			a, ok, err := q.Aside(ctx)
			return ok && err == nil && a.Forget(ctx) == nil
		},
		func(context.Context, *rand.Rand) bool { _, err := q.Stat(); return err == nil },
	)
}

func TestFeedBesideAScribbler(t *testing.T) {
	both(t, 256, func(t *testing.T, ids []string, f *Feed) {
		bearScribbling(t, "feed", ids,
			func(_ context.Context, r *rand.Rand) bool {
				ok, err := f.TrySend(make([]byte, r.IntN(100)))
				return ok && err == nil
			},
			func(ctx context.Context, r *rand.Rand) bool {
				n, err := f.SendBatch(ctx, [][]byte{make([]byte, r.IntN(100)), nil, nil})
				return n > 0 && err == nil
			},
			func(ctx context.Context, r *rand.Rand) bool {
				w, err := f.Reserve(ctx, r.IntN(100))
				if err != nil {
					return false
				}
				clear(w.Bytes)
				return w.Commit() == nil
			},
			func(ctx context.Context, r *rand.Rand) bool {
				s, err := f.Subscribe(ctx)
				if err != nil {
					return false
				}
				got := 0
				for range 20 {
					if r.IntN(2) == 0 || f.lossy {
						if data, err := s.Next(ctx, nil); err == nil {
							sumOfBytes(data)
							got++
						}
						continue
					}
					buf := make([]FeedRecord, 4)
					n, _ := s.ReceiveBatch(ctx, buf)
					for _, rec := range buf[:n] {
						sumOfBytes(rec.Bytes)
					}
					s.DoneBatch(buf[:n])
					got += n
				}
				return s.Close() == nil && got > 0
			},
			func(context.Context, *rand.Rand) bool { _, err := f.Stat(); return err == nil },
			func(context.Context, *rand.Rand) bool { return f.Finish() == nil },
		)
	})
}

func TestLatestBesideAScribbler(t *testing.T) {
	ids, l := newLatestOfBytes(t, 100)
	bearScribbling(t, "latest", ids,
		func(ctx context.Context, r *rand.Rand) bool {
			_, err := l.Set(ctx, make([]byte, r.IntN(100)))
			return err == nil
		},
		func(_ context.Context, r *rand.Rand) bool {
			buf := make([]byte, r.IntN(101))
			n, _, err := l.Get(buf)
			if err == nil && n > len(buf) {
				t.Errorf("%d bytes in %d", n, len(buf))
			}
			return err == nil
		},
		func(ctx context.Context, r *rand.Rand) bool { return l.Wait(ctx, r.Uint64N(10)) == nil },
		func(context.Context, *rand.Rand) bool { _, err := l.Stat(); return err == nil },
	)
}
