//go:build linux && !android && !sysvipc_steps

package ring_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/ring"
)

// follow hands each line of a log on, until all who write to it have finished. It reads a
// lossy feed, so that it never holds up a program that writes, and says what it missed.
func follow(ctx context.Context, lines *ring.Subscription, line func(string)) error {
	var buf []byte
	for {
		data, err := lines.Next(ctx, buf[:0])
		missed, some := errors.AsType[*ring.MissedError](err)
		switch {
		case some:
			line(fmt.Sprintf("... %d lines missed ...", missed.Records))
			continue
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		line(string(data))
		buf = data
	}
}

// A log that any number of programs write to, and any number follow: each sees every line
// from when it joined.
func Example_log() {
	ctx := context.Background()
	feed, err := ring.CreateFeed(ctx, sysv.Private, &ring.Config{Lossy: true, Size: 4096})
	if err != nil {
		log.Fatal(err)
	}
	defer feed.Remove()
	defer feed.Close()

	screen, err := feed.Subscribe(ctx) // in as many processes as you like, by ring.OpenFeed
	if err != nil {
		log.Fatal(err)
	}
	defer screen.Close()
	late, err := feed.Subscribe(ctx)
	if err != nil {
		log.Fatal(err)
	}
	defer late.Close()

	write := func(from, to int) {
		for i := from; i <= to; i++ {
			if err := feed.Send(ctx, fmt.Appendf(nil, "line %d", i)); err != nil {
				log.Fatal(err)
			}
		}
	}
	write(1, 2)
	for range 2 {
		line, err := screen.Next(ctx, nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("screen: %s\n", line)
	}
	write(3, 1000) // faster than anybody can read
	if err := feed.Finish(); err != nil {
		log.Fatal(err)
	}
	var last string
	lines := 0
	if err := follow(ctx, late, func(line string) { last, lines = line, lines+1 }); err != nil {
		log.Fatal(err)
	}
	fmt.Println("late:", last, lines < 1000)
	// Output:
	// screen: line 1
	// screen: line 2
	// late: line 1000 true
}
