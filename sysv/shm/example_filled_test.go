//go:build linux && !android

package shm_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/shm"
)

// primes opens the table of the first 1,000 primes that all processes share. Whoever
// comes first fills it, and nobody sees it before that is done.
func primes(ctx context.Context) (table []uint32, mem *shm.Mapping, filled bool) {
	const n = 1000
	mem, filled, err := shm.OpenOrInit(ctx, sysv.KeyOf("primes.example.com"), 4*n, nil, func(m *shm.Mapping) error {
		table, err := shm.Slice[uint32](m, 0, n)
		for found, p := 0, uint32(2); found < len(table); p++ {
			if !slices.ContainsFunc(table[:found], func(q uint32) bool { return p%q == 0 }) {
				table[found] = p
				found++
			}
		}
		return err
	})
	return must(shm.Slice[uint32](must(mem, err), 0, n)), mem, filled
}

// The others are this program again.
func init() {
	if os.Getenv("NEEDS_PRIMES") != "" {
		table, _, filled := primes(context.Background())
		fmt.Println(table[len(table)-1], filled)
		os.Exit(0)
	}
}

// Of four processes that need a table one fills it.
func Example_filledOnce() {
	var others [4]*exec.Cmd
	var said [4]strings.Builder
	for i := range others {
		others[i] = exec.Command(must(os.Executable()))
		others[i].Env = append(os.Environ(), "NEEDS_PRIMES=1")
		others[i].Stdout, others[i].Stderr = &said[i], os.Stderr
		must(0, others[i].Start())
	}
	filled, found := 0, 0
	for i := range others {
		must(0, others[i].Wait())
		switch said[i].String() {
		case "7919 true\n":
			filled++
		case "7919 false\n":
			found++
		}
	}
	fmt.Println(filled, "filled it and", found, "found it")

	table, mem, _ := primes(context.Background())
	defer mem.Detach()
	defer mem.Segment().Remove()
	fmt.Println(table[:10])
	// Output:
	// 1 filled it and 3 found it
	// [2 3 5 7 11 13 17 19 23 29]
}
