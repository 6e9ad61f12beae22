//go:build linux && !android && !sysvipc_steps

package ring

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sysvtest"
)

func set(t *testing.T, l *Latest, value string, want uint64) {
	t.Helper()
	number, err := l.Set(kit.Patient(t), []byte(value))
	kit.Must(t, err)
	if number != want {
		t.Fatalf("set %q as number %d, want %d", value, number, want)
	}
}

func newest(t *testing.T, l *Latest, want string, wantNumber uint64) {
	t.Helper()
	buf := make([]byte, l.Size())
	n, number, err := l.Get(buf)
	kit.Must(t, err)
	if string(buf[:n]) != want || number != wantNumber {
		t.Fatalf("got %q, number %d; want %q, number %d", buf[:n], number, want, wantNumber)
	}
}

func TestLatest(t *testing.T) {
	ids, l := newLatestOfBytes(t, 100)
	other := joinHere(t, ids)
	newest(t, l, "", 0)
	for i := range uint64(20) { // round the places
		value := strings.Repeat("x", int(i))
		set(t, l, value, i+1)
		newest(t, other, value, i+1)
		newest(t, other, value, i+1) // it stays
	}
	set(t, other, "", 21)
	newest(t, l, "", 21)
}

func TestLatestLengths(t *testing.T) {
	_, l := newLatestOfBytes(t, 100)
	longest := bytes.Repeat([]byte("y"), 100)
	set(t, l, string(longest), 1)
	if _, err := l.Set(bg, append(longest, 'z')); !errors.Is(err, ErrTooLong) || !errors.Is(err, syscall.EMSGSIZE) {
		t.Errorf("one byte too much: %v", err)
	}
	buf := bytes.Repeat([]byte("-"), 99)
	n, number, err := l.Get(buf)
	if n != 100 || number != 1 || !errors.Is(err, io.ErrShortBuffer) || strings.Trim(string(buf), "-") != "" {
		t.Errorf("into 99 bytes: %d, number %d, %v: %q", n, number, err, buf)
	}
	newest(t, l, string(longest), 1)
}

// Numbers come round in the memory, and have an upper half.
func TestLatestNumbers(t *testing.T) {
	_, l := newLatestOfBytes(t, 8)
	l.newest.v.Store(1<<32 - 2)
	l.value(1<<32 - 2).era.v.Store(7)
	number := uint64(8<<32 - 2)
	for range 6 {
		number++
		set(t, l, fmt.Sprint(number%10), number)
		newest(t, l, fmt.Sprint(number%10), number)
	}
	// Who has slept in the middle of a read while they came round is told.
	v := l.value(uint32(number))
	if l.another(number) || !l.another(number-1<<32) {
		t.Error("a number of another era is taken for the newest")
	}
	v.era.v.Add(1)
	if !l.another(number) {
		t.Error("a number that has come round is taken for the newest")
	}
}

func TestLatestWait(t *testing.T) {
	for name, ctx := range kit.Contexts(t) {
		t.Run(name, func(t *testing.T) {
			ids, l := newLatestOfBytes(t, 8)
			other := joinHere(t, ids)
			for i := range uint64(5) {
				wait := kit.Async(t, func() error { return other.Wait(ctx, i) })
				time.Sleep(time.Millisecond)
				set(t, l, "next", i+1)
				kit.Must(t, wait())
			}
			kit.Must(t, other.Wait(ctx, 3)) // which is past
		})
	}
	_, l := newLatestOfBytes(t, 8)
	kit.WantDeadline(t, "Wait", func(ctx context.Context) error { return l.Wait(ctx, 0) })
	if err := l.Wait(kit.Ended(t), 0); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that is over: %v", err)
	}
}

type price struct {
	Symbol [8]byte
	Cents  int64
	Shares uint32
}

func TestLatestOf(t *testing.T) {
	size := int(unsafe.Sizeof(price{}))
	_, l := newLatestOfBytes(t, size)
	prices, err := NewLatestOf[price](l)
	kit.Must(t, err)
	got := price{Cents: 5}
	number, err := prices.Get(&got)
	kit.Must(t, err)
	if number != 0 || got != (price{Cents: 5}) {
		t.Errorf("nothing is set: %v, number %d", got, number)
	}
	want := price{Symbol: [8]byte{'x'}, Cents: -1, Shares: 7}
	number, err = prices.Set(bg, &want)
	kit.Must(t, err)
	kit.Must(t, prices.Wait(bg, number-1))
	if n, err := prices.Get(&got); n != number || err != nil || got != want {
		t.Errorf("got %v, number %d, %v; want %v, number %d", got, n, err, want, number)
	}
	set(t, l, "short", number+1)
	if _, err := prices.Get(&got); !errors.Is(err, errCorrupt) {
		t.Errorf("of 5 bytes: %v", err)
	}
	if _, err := NewLatestOf[[]byte](l); err == nil {
		t.Error("slices can't be shared")
	}
	if _, err := NewLatestOf[int32](l); !errors.Is(err, ErrTooLong) {
		t.Errorf("of another size: %v", err)
	}
}

// A setter sets values without end, of so many bytes that all are the number's lowest.
var setter = sysvtest.Helper("setter", func(args []string) error {
	l, err := joinLatest(args)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	go func() {
		os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}()
	data := make([]byte, l.Size())
	for i := byte(1); ; i++ {
		for k := range data {
			data[k] = i
		}
		if _, err := l.Set(bg, data[:int(i)%len(data)+1]); err != nil {
			return err
		}
	}
})

// What is read while others write is one value, and no older than the one before.
func TestLatestIsWhole(t *testing.T) {
	for _, size := range []int{64, 5000} {
		ids, l := newLatestOfBytes(t, size)
		var wg sync.WaitGroup
		for range 2 {
			sysvtest.Start(t, setter, ids...).Expect("ready")
		}
		end := time.Now().Add(time.Duration(storm.Amount(300, 10_000)) * time.Millisecond)
		for range 2 {
			wg.Go(func() {
				buf := make([]byte, size)
				last := uint64(0)
				for time.Now().Before(end) {
					waited := l.Wait(bg, last)
					n, number, err := l.Get(buf)
					if waited != nil || err != nil {
						t.Errorf("%v, %v", waited, err)
						return
					}
					if number <= last || n != int(buf[0])%size+1 || bytes.Count(buf[:n], buf[:1]) != n {
						t.Errorf("number %d after %d is torn: %d bytes, %v", number, last, n, buf[:n])
						return
					}
					last = number
				}
			})
		}
		wg.Wait()
	}
}

// A reader who is overtaken again and again keeps the writers out, and one who can't,
// as a stopped process has the mutex, is not overtaken any more.
func TestLatestKeepsWritersOut(t *testing.T) {
	_, l := newLatestOfBytes(t, 8)
	set(t, l, "old", 1)
	barred := 0
	r, err := l.get(make([]byte, 8), 0, func() error {
		if barred++; barred < 3 {
			return errBusy
		}
		return l.keepOut()
	})
	if r.number != 1 || err != nil || barred != 3 {
		t.Errorf("number %d, %v, after %d tries to get the mutex", r.number, err, barred)
	}
	set(t, l, "new", 2) // the mutex is free
	kit.Must(t, l.writers.enter(bg))
	if err := l.keepOut(); err != errBusy {
		t.Errorf("while another has the mutex: %v", err)
	}
	newest(t, l, "new", 2)
	kit.Must(t, l.writers.unlock())
}

// A process that is stopped in the mutex holds up those who set, until their contexts
// end, and nobody who reads or waits.
func TestLatestWhileAWriterIsStopped(t *testing.T) {
	ids, l := newLatestOfBytes(t, 8)
	set(t, l, "before", 1)
	p := sysvtest.Start(t, stoppedSetter, ids...)
	p.Expect("has it")
	kit.AwaitStopped(t, p.Cmd.Process.Pid)
	newest(t, l, "before", 1)
	kit.WantDeadline(t, "Set", func(ctx context.Context) error { _, err := l.Set(ctx, nil); return err })
	p.Kill()
	newest(t, l, "before", 1)
	set(t, l, "after", 2)
	newest(t, l, "after", 2)
}

var stoppedSetter = sysvtest.Helper("stopped setter", func(args []string) error {
	l, err := joinLatest(args)
	if err != nil {
		return err
	}
	if err := l.writers.enter(bg); err != nil {
		return err
	}
	copy(l.value(2).bytes(8), "half a value")
	fmt.Println("has it")
	kit.StopHere()
	return nil
})

func TestLatestAllocatesNothing(t *testing.T) {
	_, l := newLatestOfBytes(t, int(unsafe.Sizeof(price{})))
	prices, err := NewLatestOf[price](l)
	kit.Must(t, err)
	buf := make([]byte, l.Size())
	n := testing.AllocsPerRun(1000, func() {
		number, err := l.Set(bg, buf)
		kit.Must(t, err)
		kit.Must(t, l.Wait(bg, number-1))
		_, _, err = l.Get(buf)
		kit.Must(t, err)
		var p price
		_, err = prices.Set(bg, &p)
		kit.Must(t, err)
		_, err = prices.Get(&p)
		kit.Must(t, err)
	})
	if n != 0 {
		t.Errorf("%v allocations for a value", n)
	}
}

// With -race this shows that the race detector is told: each goroutine has a membership
// of its own, so that they share nothing that Go knows of.
func TestLatestIsOrderedForTheRaceDetector(t *testing.T) {
	ids, _ := newLatestOfBytes(t, 8)
	var l [2]*Latest
	for i := range l {
		l[i] = joinHere(t, ids)
	}
	t.Run("Get", func(t *testing.T) {
		kit.WantOrder(t, func() error { _, err := l[0].Set(bg, nil); return err }, func() {
			for number := uint64(0); number == 0; {
				_, number, _ = l[1].Get(nil)
			}
		})
	})
	t.Run("Wait", func(t *testing.T) {
		kit.WantOrder(t, func() error { _, err := l[0].Set(bg, nil); return err }, func() { l[1].Wait(bg, 1) })
	})
}

// Any bytes in the segment give values, errors or nothing, but neither a fault nor a
// loop without end.
func TestLatestHostileContent(t *testing.T) {
	r := storm.Random(t)
	_, l := newLatestOfBytes(t, 100)
	words := l.group.Memory()[line:]
	buf := make([]byte, 100)
	for range storm.Amount(50_000, 2_000_000) {
		for range r.IntN(4) {
			value := r.Uint32()
			if r.IntN(2) == 0 {
				value %= 200
			}
			at := []int{0, line, 8 + 4*r.IntN(2*kept), r.IntN(len(words)/4) * 4}
			binary.LittleEndian.PutUint32(words[at[r.IntN(len(at))]:], value)
		}
		n, _, err := l.Get(buf[:r.IntN(100)])
		if err == nil && n > 100 || err != nil && !errors.Is(err, errCorrupt) && err != io.ErrShortBuffer {
			t.Fatalf("%d bytes, %v", n, err)
		}
		_, err = l.Set(bg, buf[:r.IntN(100)])
		kit.Must(t, err)
		kit.Must(t, l.Wait(bg, r.Uint64()))
	}
}

// joinHere is joinLatest of the test's own process.
func joinHere(t testing.TB, ids []string) *Latest {
	t.Helper()
	l, err := joinLatest(ids)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, l.Close()) })
	return l
}
