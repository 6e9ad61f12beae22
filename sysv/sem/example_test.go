//go:build linux && !android

package sem_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
)

// A buffer of two places: a producer turns a free place into a filled one, a
// consumer the other way round, each in one atomic step.
func ExampleSet_Do() {
	const free, filled = 0, 1
	set, err := sem.Create(sysv.Private, []int{2, 0}, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer set.Remove()

	ctx := context.Background()
	for range 2 {
		if err := set.Do(ctx, sem.Op{Num: free, Delta: -1}, sem.Op{Num: filled, Delta: +1}); err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println(set.Values())

	// A third producer would wait.
	ctx, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	err = set.Do(ctx, sem.Op{Num: free, Delta: -1}, sem.Op{Num: filled, Delta: +1})
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	fmt.Println(set.Values())
	// Output:
	// [0 2] <nil>
	// true
	// [0 2] <nil>
}

// Every process that calls this takes its turn. Whoever comes first makes the
// lock.
func ExampleMutex() {
	const key sysv.Key = 0x4d2
	turn := func(ctx context.Context) error {
		set, _, err := sem.OpenOrCreate(ctx, key, []int{1}, nil)
		if err != nil {
			return err
		}
		lock := set.Mutex(0)
		if err := lock.Lock(ctx); err != nil {
			return err
		}
		defer lock.Unlock()

		fmt.Println("my turn")
		return nil
	}

	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for range 2 {
		if err := turn(ctx); err != nil {
			log.Fatal(err)
		}
	}

	// The set outlives all processes until somebody removes it.
	set, err := sem.Open(ctx, key, nil)
	if err != nil {
		log.Fatal(err)
	}
	if err := set.Remove(); err != nil {
		log.Fatal(err)
	}
	// Output:
	// my turn
	// my turn
}
