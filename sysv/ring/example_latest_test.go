//go:build linux && !android && !sysvipc_steps

package ring_test

import (
	"context"
	"fmt"
	"log"
	"unsafe"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/ring"
)

// A quote is what a share costs. It has no padding, so that it is the same for 32- and
// 64-bit programs.
type quote struct {
	Symbol [8]byte
	Cents  uint32
	Shares uint32
}

// A price that is always the newest: whoever reads it has it whole, and whoever is killed
// while it is set leaves the one before.
func Example_price() {
	ctx := context.Background()
	latest, err := ring.CreateLatest(ctx, sysv.Private, int(unsafe.Sizeof(quote{})), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer latest.Remove()
	defer latest.Close()
	price, err := ring.NewLatestOf[quote](latest)
	if err != nil {
		log.Fatal(err)
	}

	shown := make(chan bool)
	go func() { // in as many processes as you like, by ring.OpenLatest
		defer close(shown)
		var seen uint64 // the number of what was seen last
		for seen < 3 {
			if err := price.Wait(ctx, seen); err != nil {
				log.Fatal(err)
			}
			var q quote
			if seen, err = price.Get(&q); err != nil {
				log.Fatal(err)
			}
			if seen == 3 { // of those before, some may have been missed
				fmt.Printf("%s costs %d.%02d\n", q.Symbol[:4], q.Cents/100, q.Cents%100)
			}
		}
	}()
	for _, cents := range []uint32{1000, 1010, 1005} {
		if _, err := price.Set(ctx, &quote{[8]byte{'A', 'C', 'M', 'E'}, cents, 1}); err != nil {
			log.Fatal(err)
		}
	}
	<-shown
	// Output:
	// ACME costs 10.05
}
