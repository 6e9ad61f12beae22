package bench

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"example.com/sysvipc/sysv/sem"
)

// turns measures how long two processes take to hand a turn there and back.
func turns(cpus int) func(context.Context, *bench) (float64, error) {
	return func(ctx context.Context, b *bench) (float64, error) {
		play := func(cpu, await, wake int) *Peer {
			return &Peer{Set: b.set.ID(), CPU: cpu, Await: await, Wake: wake, Turns: int(b.window/(50*time.Microsecond)) + 2}
		}
		peers, err := startPeers(play(cpus-1, benchPong, benchPing), play(0, benchPing, benchPong))
		defer peers.End()
		if err != nil {
			return 0, err
		}
		if err := b.set.Do(ctx, sem.Op{Num: benchPing, Delta: +1}); err != nil {
			return 0, err
		}
		if err := peers.Finish(ctx); err != nil {
			return 0, err
		}
		// The last turn is nobody's.
		if err := b.set.Do(ctx, sem.Op{Num: benchPing, Delta: -1}); err != nil {
			return 0, err
		}
		return strconv.ParseFloat(strings.TrimSpace(peers.All[1].Stdout.String()), 64)
	}
}

// takeTurns prints the nanoseconds of a turn there and back.
func (c *Peer) takeTurns(set *sem.Set) error {
	ctx := context.Background()
	await, wake := sem.Op{Num: c.Await, Delta: -1}, sem.Op{Num: c.Wake, Delta: +1}
	var begin time.Time
	for n := range c.Turns {
		if err := set.Do(ctx, await); err != nil {
			return err
		}
		if n == 0 {
			begin = time.Now() // the parent began the game
		}
		if err := set.Do(ctx, wake); err != nil {
			return err
		}
	}
	fmt.Println(time.Since(begin).Nanoseconds() / int64(max(c.Turns-1, 1)))
	return nil
}
