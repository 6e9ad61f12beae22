//go:build sysvipc_steps && linux && !android

package ring

import (
	"encoding/binary"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/test/storm"
	"example.com/sysvipc/sysv/sysvtest"
)

const (
	stormSetters = 3
	stormValue   = 400
	// neverItself is after how many accesses one kills itself that somebody else is to
	// kill at a moment of his own.
	neverItself = 1 << 40
)

// A crowd of processes dies, one after the other, half of them by their own hand at
// an access, and others take their places.
type crowd struct {
	t     *testing.T
	r     *rand.Rand
	start func(i int, after string) *exec.Cmd // what the i-th does, until its n-th access
	all   []*exec.Cmd
	ends  chan int
}

func newCrowd(t *testing.T, r *rand.Rand, n int, start func(i int, after string) *exec.Cmd) *crowd {
	c := &crowd{t, r, start, make([]*exec.Cmd, n), make(chan int, n)}
	for i := range n {
		c.replace(i)
	}
	return c
}

func (c *crowd) replace(i int) {
	c.t.Helper()
	after := neverItself
	if c.r.IntN(2) == 0 {
		after = 1 + c.r.IntN(10_000)
	}
	cmd := c.start(i, strconv.Itoa(after))
	cmd.Stderr = os.Stderr
	_, err := cmd.StdinPipe()
	kit.Must(c.t, err)
	kit.Must(c.t, cmd.Start())
	c.all[i] = cmd
	over := make(chan struct{})
	pause := time.Duration(c.r.IntN(int(30 * time.Millisecond)))
	go func() {
		if after == neverItself {
			time.AfterFunc(pause, func() { cmd.Process.Kill() })
		}
		cmd.Wait()
		close(over)
		c.ends <- i
	}()
	c.t.Cleanup(func() { cmd.Process.Kill(); <-over })
}

// next waits for a death. Who dies otherwise than by a signal has found a fault.
func (c *crowd) next() (i int) {
	c.t.Helper()
	select {
	case i = <-c.ends:
	case <-time.After(kit.Patience):
		c.t.Fatal("nobody dies any more")
	}
	if st := c.all[i].ProcessState.Sys().(syscall.WaitStatus); !st.Signaled() {
		c.t.Fatalf("process %d found a fault", i)
	}
	return i
}

// stop kills them all.
func (c *crowd) stop() {
	for _, cmd := range c.all {
		cmd.Process.Kill()
	}
	for range c.all {
		<-c.ends
	}
}

// mortalSelf has this process end with the test, and kill itself at its n-th access to
// what is shared, of which the words that it copies are some.
func mortalSelf(after string) error {
	n, err := strconv.ParseInt(after, 10, 64)
	if err != nil {
		return err
	}
	go func() {
		os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}()
	copyingByWords = true
	var count atomic.Int64
	each = func(a access, w *word, old, new uint32) uint32 {
		if count.Add(1) == n {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		return truly(a, w, old, new)
	}
	return nil
}

var mortalSetter = sysvtest.Helper("mortal setter", func(args []string) error {
	if err := mortalSelf(args[1]); err != nil {
		return err
	}
	l, err := joinLatest(args)
	if err != nil {
		return err
	}
	data := make([]byte, stormValue)
	for {
		b := data[:16+4*rand.IntN(stormValue/4-4)]
		for i := 4; i < len(b); i += 4 {
			binary.LittleEndian.PutUint32(b[i:], rand.Uint32())
		}
		binary.LittleEndian.PutUint32(b, crc32.ChecksumIEEE(b[4:]))
		if _, err := l.Set(bg, b); err != nil {
			return err
		}
	}
})

// Processes are killed while they set values. Whatever is read is whole, and never older
// than what was read before.
func TestLatestStorm(t *testing.T) {
	unexplored()
	r := storm.Random(t)
	each, copyingByWords = truly, true
	ids, l := newLatestOfBytes(t, stormValue)
	deaths := storm.Amount(40, 1500)
	c := newCrowd(t, r, stormSetters, func(i int, after string) *exec.Cmd {
		return sysvtest.Command(mortalSetter, append(ids, after)...)
	})
	var over atomic.Bool
	var reads atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			buf := make([]byte, stormValue)
			last := uint64(0)
			for !over.Load() {
				n, number, err := l.Get(buf)
				if err != nil || number < last {
					t.Errorf("number %d after %d, %v", number, last, err)
					return
				}
				if number > 0 && (n < 16 || crc32.ChecksumIEEE(buf[4:n]) != binary.LittleEndian.Uint32(buf)) {
					t.Errorf("number %d is torn", number)
					return
				}
				last = number
				reads.Add(1)
			}
		})
	}
	for range deaths {
		c.replace(c.next())
	}
	c.stop()
	over.Store(true)
	wg.Wait()
	_, number, err := l.Get(make([]byte, stormValue))
	kit.Must(t, err)
	data := make([]byte, 16)
	if next, err := l.Set(bg, data); err != nil || next != number+1 {
		t.Errorf("the next after number %d is %d, %v", number, next, err)
	}
	t.Logf("latest storm: %d deaths, %d values set, %d read", deaths, number, reads.Load())
}
