//go:build linux && !android

package sem_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/sem"
)

// semGet does what PHP's sem_get($key, $permits) does: it opens or makes a set,
// and counts this process among its users until it ends.
//
// PHP's sets have three semaphores: the permits, which sem_acquire and
// sem_release change with undo; the number of users; and one that is 1 while
// somebody is in sem_get. Who is the only user there gives the permits their
// value, whatever it was. A process that took the lock without being counted
// would lose it so, unnoticed, and undo would not remember it (SETVAL in
// semctl(2)).
func semGet(ctx context.Context, key sysv.Key, permits int) (*sem.Set, error) {
	const value, users, getting = 0, 1, 2
	// All 0, and not the permits at once: sem_get does not wait until a set has
	// its values. One that came in between would give the permits, and ours were
	// added to them. Nil is for one user: PHP's default is Mode 0o666.
	set, _, err := sem.OpenOrCreate(ctx, key, []int{0, 0, 0}, nil)
	if err != nil {
		return nil, err
	}
	err = set.Do(ctx,
		sem.Op{Num: getting},
		sem.Op{Num: getting, Delta: +1, Flags: sem.Undo},
		sem.Op{Num: users, Delta: +1, Flags: sem.Undo})
	if err != nil {
		return nil, err
	}
	n, err := set.Value(users)
	if err == nil && n == 1 {
		err = set.SetValue(value, permits)
	}
	// Others wait for this, even if ctx has ended by now.
	_, gaveBack := set.Try(sem.Op{Num: getting, Delta: -1, Flags: sem.Undo})
	return set, errors.Join(err, gaveBack)
}

// A lock that Go shares with PHP programs, which take it so:
//
//	$lock = sem_get(0x504850);
//	sem_acquire($lock);
func Example_php() {
	const key sysv.Key = 0x504850
	ctx := context.Background()
	set, err := semGet(ctx, key, 1)
	if err != nil {
		log.Fatal(err)
	}
	defer set.Remove()

	lock := set.Mutex(0)
	if err := lock.Lock(ctx); err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.Values()) // permits, users, getting

	// Another user comes, and finds the lock taken.
	if _, err := semGet(ctx, key, 1); err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.Values())

	if err := lock.Unlock(); err != nil {
		log.Fatal(err)
	}
	fmt.Println(set.Values())
	// Output:
	// [0 1 0] <nil>
	// [0 2 0] <nil>
	// [1 2 0] <nil>
}
