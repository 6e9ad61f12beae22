//go:build linux && !android

package msg_test

import (
	"context"
	"fmt"
	"strconv"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/compare"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
)

// against measures against testdata/peer/msg.c.
func against(b *testing.B, unit string, ours compare.Measure, peerArgs ...string) {
	compare.Report(b, unit, ours, "C", compare.C(b, "msg.c")(peerArgs...))
}

func BenchmarkPair(b *testing.B) {
	const n = 5000
	q := newQueue(b)
	for _, size := range []int{64, 1024, 8192} {
		data, buf := make([]byte, size), make([]byte, size)
		pair := func() {
			q.Send(bg, 1, data)
			q.Receive(bg, msg.Any, buf)
		}
		b.Run(fmt.Sprintf("bytes=%d", size), func(b *testing.B) {
			against(b, "ns/pair", compare.Nanoseconds(n, pair), "pair", strconv.Itoa(size), strconv.Itoa(n))
		})
	}
}

func BenchmarkPingPong(b *testing.B) { compare.PingPong(b, "msg.c", takeTurns) }

// takeTurns sends n messages to another process and back, and returns what each
// takes.
func takeTurns(t testing.TB, cpus int, n string) float64 {
	q := newQueue(t)
	id := strconv.Itoa(q.ID())
	sysvtest.Start(t, pingpong, id, "1", strconv.Itoa(cpus-1), n)
	ping := sysvtest.Start(t, pingpong, id, "2", "0", n)
	return compare.Number(t, ping.Line())
}

// TestBenchmarks: what the benchmarks measure works at all.
func TestBenchmarks(t *testing.T) {
	if ns := takeTurns(t, 1, "50"); ns <= 0 {
		t.Errorf("a turn takes %v ns", ns)
	}
}

// pingpong takes n turns with another process: messages of type 1 go to the one
// and of type 2 to the other, who begins. It prints the nanoseconds of a turn
// there and back.
var pingpong = sysvtest.Helper("pingpong", func(args []string) error {
	q, v, err := queueAndNumbers(args)
	if err != nil {
		return err
	}
	mine, cpu, n := v[0], v[1], v[2]
	if err := kit.StayOn(cpu); err != nil {
		return err
	}
	buf := make([]byte, 64)
	begin := time.Now()
	for range n {
		if mine == 2 {
			err = q.Send(bg, 1, buf)
		}
		if err == nil {
			_, err = q.Receive(bg, msg.Type(mine), buf)
		}
		if err == nil && mine == 1 {
			err = q.Send(bg, 2, buf)
		}
		if err != nil {
			return err
		}
	}
	fmt.Println(time.Since(begin).Nanoseconds() / int64(n))
	return nil
})

// BenchmarkCancel measures from cancelling a wait to its return.
func BenchmarkCancel(b *testing.B) {
	r := storm.Random(b)
	q := newQueue(b)
	buf := make([]byte, 64)
	var l kit.Latencies
	for b.Loop() {
		l.Cancel(b, r, func(ctx context.Context) error { _, err := q.Receive(ctx, msg.Any, buf); return err })
	}
	l.Report(b)
}
