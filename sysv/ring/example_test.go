//go:build linux && !android && !sysvipc_steps

package ring_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/ring"
)

// work does jobs until there are no more, or until it is to stop: ctx ends the wait for
// a job, not a job. One that fails is given to another worker, or to this one again; so is
// one whose worker is killed.
func work(ctx context.Context, q *ring.Queue, do func(job string, attempts int) error) error {
	for {
		job, err := q.Receive(ctx)
		if errors.Is(err, io.EOF) || ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if do(string(job.Bytes), job.Attempts) == nil {
			err = job.Done()
		} else {
			err = job.Requeue(context.WithoutCancel(ctx))
		}
		if err != nil {
			return err
		}
	}
}

// Jobs are done once, by whichever process is free. One that has failed three times, or has
// taken its workers with it, is set aside for a person.
func Example_jobs() {
	ctx := context.Background() // of signal.NotifyContext, in a program
	q, err := ring.CreateQueue(ctx, sysv.Private, &ring.Config{Attempts: 3})
	if err != nil {
		log.Fatal(err)
	}
	defer q.Remove()
	defer q.Close()
	for _, job := range []string{"sweep", "break", "cook"} {
		if err := q.Send(ctx, []byte(job)); err != nil {
			log.Fatal(err)
		}
	}
	if err := q.Finish(); err != nil { // there will be no more
		log.Fatal(err)
	}

	// In as many processes as you like, each of which calls ring.OpenQueue:
	err = work(ctx, q, func(job string, attempts int) error {
		fmt.Println(job, attempts)
		if job == "break" {
			return errors.New("it breaks")
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}

	for {
		aside, ok, err := q.Aside(ctx)
		if err != nil {
			log.Fatal(err)
		}
		if !ok {
			break
		}
		fmt.Printf("set aside: %s, after %d attempts\n", aside.Data, aside.Attempts)
		if err := aside.Forget(ctx); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// sweep 0
	// break 0
	// cook 0
	// break 1
	// break 2
	// set aside: break, after 3 attempts
}

// A frame of a video is written where its reader finds it: nothing copies it. If the camera is
// killed in the middle of one nobody ever sees that; if the reader is, the frame
// is another reader's.
func Example_frames() {
	const size = 1 << 20 // of a frame
	ctx := context.Background()
	q, err := ring.CreateQueue(ctx, sysv.Private, &ring.Config{Size: 16 * size})
	if err != nil {
		log.Fatal(err)
	}
	defer q.Remove()
	defer q.Close()
	camera := func(number uint64) error {
		frame, err := q.Reserve(ctx, size)
		if err != nil {
			return err
		}
		for i := 0; i < size; i += 8 {
			binary.LittleEndian.PutUint64(frame.Bytes[i:], number)
		}
		return frame.Commit()
	}
	show := func() error {
		frame, err := q.Receive(ctx)
		if err != nil {
			return err
		}
		first, last := binary.LittleEndian.Uint64(frame.Bytes), binary.LittleEndian.Uint64(frame.Bytes[size-8:])
		fmt.Println("frame", first, last, len(frame.Bytes))
		return frame.Done()
	}
	for number := range uint64(2) {
		if err := errors.Join(camera(number), show()); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// frame 0 0 1048576
	// frame 1 1 1048576
}
