// Package storm is tests that set many processes on segments and sets at once:
// to create them, to remove them under each other's hands, and to be killed
// while they use them. Each test runs for a moment, or in full where the tests
// are to take their time.
//
// Storms of one kind of object are with that kind. What they need too is here.
package storm

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
)

// Amount returns how much of something a test does: a little, with
// SYSVIPC_STORM=full all of it, and with SYSVIPC_STORM=tenth a tenth of that, but no
// less than a little.
func Amount(short, full int) int {
	switch os.Getenv("SYSVIPC_STORM") {
	case "full":
		return full
	case "tenth":
		return max(short, full/10)
	}
	return short
}

// Size returns of what size it is: a tenth of a storm has the crowds of a full one.
func Size[T any](short, full T) T {
	if os.Getenv("SYSVIPC_STORM") != "" {
		return full
	}
	return short
}

// Random returns a generator whose seed is in the log, and can be given by
// SYSVIPC_SEED.
func Random(t testing.TB) *rand.Rand {
	t.Helper()
	seed := rand.Uint64()
	if s := os.Getenv("SYSVIPC_SEED"); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("SYSVIPC_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
