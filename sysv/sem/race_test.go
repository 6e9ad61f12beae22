//go:build linux && !android

package sem_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
)

// seats are the values of sets that are raced for: no semaphore is 0, so that
// one which was forgotten shows.
func seats(n int) []int {
	values := make([]int, n)
	for i := range values {
		values[i] = i + 1
	}
	return values
}

// race opens or creates the set of each line's key and length, once the gate is
// 0, and prints how it went.
var race = sysvtest.Helper("race", func(args []string) error {
	gate, _, err := setAndNumbers(args[:1])
	if err != nil {
		return err
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var key sysv.Key
		var n int
		if _, err := fmt.Sscan(in.Text(), (*uint32)(&key), &n); err != nil {
			return err
		}
		if err := gate.Do(bg, zero); err != nil {
			return err
		}
		s, created, err := sem.OpenOrCreate(bg, key, seats(n), nil)
		if err != nil {
			return err
		}
		values, err := s.Values()
		if err != nil {
			return err
		}
		switch diff := cmp.Diff(seats(n), values); {
		case diff != "":
			fmt.Printf("half-given: %q\n", diff)
		case created:
			fmt.Println("created")
		default:
			fmt.Println("opened")
		}
	}
	return nil
})

func TestOneOfManyCreates(t *testing.T) {
	runners, rounds := 8, storm.Amount(10, 400)
	gate := newSet(t, 1)
	var field []*sysvtest.Process
	for range runners {
		field = append(field, sysvtest.Start(t, race, strconv.Itoa(gate.ID())))
	}
	for round := range rounds {
		key := newKey(t)
		n := []int{1, 3, 500, 501, 2000}[round%5]
		kit.Must(t, gate.SetValue(0, 1))
		for _, p := range field {
			p.Send(fmt.Sprint(uint32(key), n))
		}
		awaitWaiters(t, gate, 0, runners)
		kit.Must(t, gate.SetValue(0, 0))
		got := make(map[string]int)
		for _, p := range field {
			got[p.Line()]++
		}
		if diff := cmp.Diff(map[string]int{"created": 1, "opened": runners - 1}, got); diff != "" {
			t.Errorf("%d semaphores (-want +got):\n%s", n, diff)
		}
	}
	for _, p := range field {
		p.Finish()
	}
}

// An opener can have the values of a large set before Create is done with it,
// and take them.
func TestOpenersNeedNotWaitForCreate(t *testing.T) {
	ctx := kit.Patient(t)
	values := repeat(501, 1)
	for range storm.Amount(60, 3000) {
		key := newKey(t)
		opener := kit.Async(t, func() error {
			for {
				s, err := sem.Open(ctx, key, nil)
				if errors.Is(err, fs.ErrNotExist) {
					continue
				}
				if err != nil {
					return err
				}
				return s.Do(ctx, take)
			}
		})
		s, err := sem.Create(key, values, nil)
		kit.Must(t, err)
		kit.Must(t, opener())
		wantValues(t, s, append([]int{0}, values[1:]...)...)
		kit.Must(t, s.Remove())
	}
}

// recreate makes and removes the set of a key, again and again.
var recreate = sysvtest.Helper("recreate", func(args []string) error {
	key, err := sysv.ParseKey(args[0])
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	fmt.Println("running")
	for {
		s, err := sem.Create(key, seats(n), nil)
		if err != nil {
			return err
		}
		if err := s.Remove(); err != nil {
			return err
		}
	}
})

func TestKilledCreatorLeavesNoHalfGivenSet(t *testing.T) {
	r := storm.Random(t)
	kills := storm.Amount(8, 600)
	outcomes := make(map[string]int)
	for i := range kills {
		key := newKey(t)
		n := []int{3, 500, 501, 32000}[i%4]
		p := sysvtest.Start(t, recreate, key.String(), strconv.Itoa(n))
		p.Expect("running")
		end := time.Now().Add(time.Duration(r.IntN(int(3 * time.Millisecond))))
		for time.Now().Before(end) {
			outcomes["live, "+look(t, key, n)]++
		}
		p.Kill()
		outcomes["dead, "+look(t, key, n)]++
	}
	t.Logf("seen: %v", outcomes)
}

// look opens the set of a key, says what it finds, and fails if that is half of
// something.
func look(t *testing.T, key sysv.Key, n int) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	s, err := sem.Open(ctx, key, nil)
	switch {
	case errors.Is(err, sysv.ErrNotInitialized):
		return "not initialized"
	case errors.Is(err, fs.ErrNotExist):
		return "none"
	case errors.Is(err, context.DeadlineExceeded):
		return "none in time" // it came and went
	case err != nil:
		t.Fatal(err)
	}
	values, err := s.Values()
	if errors.Is(err, sysv.ErrRemoved) {
		return "removed"
	}
	kit.Must(t, err)
	if diff := cmp.Diff(seats(n), values); diff != "" {
		t.Fatalf("half-given (-want +got):\n%s", diff)
	}
	return "complete"
}
