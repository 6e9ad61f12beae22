//go:build linux && !android

package event_test

import (
	"context"
	"fmt"
	"log"
	"sync/atomic"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/event"
	"example.com/sysvipc/sysv/shm"
)

// A feed is prices that one process writes and others wait for. The documentation of
// the package says how it works.
type feed struct {
	Changed event.Count
	Edition atomic.Uint32
	Prices  [2][4]atomic.Uint32
}

// publish is what the writer calls. There is only one of them at a time.
func (f *feed) publish(prices [4]uint32) {
	next := f.Edition.Load() + 1
	for i, price := range prices {
		f.Prices[next%2][i].Store(price)
	}
	f.Edition.Store(next)
	f.Changed.Advance()
}

// next waits for an edition that is not last, and reads it.
func (f *feed) next(ctx context.Context, last uint32) (edition uint32, prices [4]uint32, err error) {
	for {
		err = f.Changed.Until(ctx, func() bool { return f.Edition.Load() != last })
		if err != nil {
			return 0, prices, err
		}
		edition = f.Edition.Load()
		for i := range prices {
			prices[i] = f.Prices[edition%2][i].Load()
		}
		// Once there is another, the writer may have begun to write over this one.
		if f.Edition.Load() == edition {
			return edition, prices, nil
		}
	}
}

// A feed of prices. Here a goroutine has the place of the other process.
func Example() {
	seg, err := shm.Create(sysv.Private, 4096, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer seg.Remove()
	mem, err := seg.Attach(nil)
	if err != nil {
		log.Fatal(err)
	}
	defer mem.Detach()
	f, err := shm.View[feed](mem, 0)
	if err != nil {
		log.Fatal(err)
	}

	done := make(chan bool)
	go func() {
		defer close(done)
		for edition, last := uint32(0), uint32(3); edition != last; {
			var prices [4]uint32
			edition, prices, err = f.next(context.Background(), edition)
			if err != nil {
				log.Fatal(err)
			}
			if edition == last {
				fmt.Println(prices)
			}
		}
	}()
	for i := range uint32(3) {
		f.publish([4]uint32{100 + i, 200 + i, 300 + i, 400 + i})
	}
	<-done
	// Output: [102 202 302 402]
}
