//go:build linux && !android && !sysvipc_steps

package ring

import (
	"encoding/binary"
	"fmt"
	"strconv"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sysvtest"
)

// readWhileSet has a process read so many values of 64 bytes, each whole, while another,
// on another CPU, sets one after the other. seen is how many different ones it has read
// of those that were set, and best how many millions in a second at best.
func readWhileSet(t testing.TB, reads int) (took time.Duration, seen, set uint64, best float64) {
	ids, _ := newLatestOfBytes(t, 64)
	sysvtest.Start(t, latestSetter, ids...).Expect("ready")
	reader := sysvtest.Start(t, latestReader, append(ids, strconv.Itoa(reads))...)
	_, err := fmt.Sscan(reader.Line(), (*int64)(&took), &seen, &set, &best)
	kit.Must(t, err)
	return took, seen, set, best
}

func TestReadWhileSet(t *testing.T) {
	if _, seen, _, _ := readWhileSet(t, 10_000); seen == 0 {
		t.Error("it has read nothing")
	}
}

func BenchmarkLatest(b *testing.B) {
	took, seen, set, best := readWhileSet(b, b.N)
	b.ReportMetric(float64(took.Nanoseconds())/float64(b.N), "ns/op")
	b.ReportMetric(best, "Mreads/s-at-best")
	for unit, n := range map[string]float64{"Mreads/s": float64(b.N), "Mseen/s": float64(seen), "Mset/s": float64(set)} {
		b.ReportMetric(n/took.Seconds()/1e6, unit)
	}
}

var latestReader = sysvtest.Helper("latest reader", func(args []string) error {
	if err := kit.StayOn(0); err != nil {
		return err
	}
	l, err := joinLatest(args)
	if err != nil {
		return err
	}
	n, err := kit.Numbers(args[1:])
	if err != nil {
		return err
	}
	buf := make([]byte, 64)
	first, last, seen := uint64(0), uint64(0), 0
	var best bestWindow
	begin := time.Now()
	for range n[0] {
		n, number, err := l.Get(buf)
		if err != nil || n != 64 || sum(buf) != 8*number {
			return fmt.Errorf("%d bytes, number %d, %v: %x", n, number, err, buf)
		}
		if number != last {
			seen++
		}
		if last = number; first == 0 {
			first = number
		}
		best.next()
	}
	fmt.Println(time.Since(begin).Nanoseconds(), seen, last-first, best.rate())
	return nil
})

var latestSetter = sysvtest.Helper("latest setter", func(args []string) error {
	if err := kit.StayOn(1); err != nil {
		return err
	}
	l, err := joinLatest(args)
	if err != nil {
		return err
	}
	data := make([]byte, 64)
	fill(data, 1)
	if _, err := l.Set(bg, data); err != nil {
		return err
	}
	fmt.Println("ready")
	for i := uint64(2); ; i++ {
		fill(data, i)
		if _, err := l.Set(bg, data); err != nil {
			return err
		}
	}
})

// Set and Get in one process.
func BenchmarkLatestAlone(b *testing.B) {
	_, l := newLatestOfBytes(b, 64)
	data := make([]byte, 64)
	b.Run("Set", func(b *testing.B) {
		for b.Loop() {
			l.Set(bg, data)
		}
	})
	b.Run("Get", func(b *testing.B) {
		for b.Loop() {
			l.Get(data)
		}
	})
}

// fill writes a number into b again and again, and sum adds up what is there.
func fill(b []byte, number uint64) {
	for i := 0; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], number)
	}
}

func sum(b []byte) (s uint64) {
	for i := 0; i+8 <= len(b); i += 8 {
		s += binary.LittleEndian.Uint64(b[i:])
	}
	return s
}
