//go:build linux && !android

package lock_test

import (
	"bytes"
	"errors"
	"io/fs"
	"math"
	"os"
	"strings"
	"syscall"
	"testing"
	"unsafe"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
)

// letter fills memory as a test's Config.Init.
func letter(b byte) func([]byte) error {
	return func(memory []byte) error {
		for i := range memory {
			memory[i] = b
		}
		return nil
	}
}

// wantMemory checks that a group's memory is a letter again and again.
func wantMemory(t testing.TB, g *lock.Group, size int, b byte) {
	t.Helper()
	if got := g.Memory(); len(got) != size || bytes.Count(got, []byte{b}) != size {
		t.Errorf("%d bytes that begin with %q, want %d of %q", len(got), got[:min(len(got), 4)], size, b)
	}
}

func TestMemoryIsThereForAllMembers(t *testing.T) {
	for _, size := range []int{1, 127, 128, 129, 1 << 20} {
		g := newGroupFor(t, 3, &lock.Config{Processes: 5, Memory: size, Init: letter('a')})
		rounded := (size + 127) / 128 * 128
		wantMemory(t, g, rounded, 'a')
		other := join(t, g)
		wantMemory(t, other, rounded, 'a')
		take(t, g.Mutex(2))
		g.Memory()[rounded-1] = 'b'
		kit.Must(t, g.Mutex(2).Unlock())
		if got := other.Memory()[rounded-1]; got != 'b' {
			t.Errorf("the last byte is %q", got)
		}
		if at := uintptr(unsafe.Pointer(&other.Memory()[0])); at%128 != 0 {
			t.Errorf("it begins at %#x", at)
		}
		if st := stat(t, g); st.Memory != rounded || len(st.Members) != 2 {
			t.Errorf("%+v", st)
		}
		wantFree(t, other.Mutex(0))
	}
	if m := newGroup(t, 1).Memory(); m != nil {
		t.Errorf("%d bytes where none are asked for", len(m))
	}
}

// Who creates fills the memory once, and nobody sees it before.
func TestOpenOrCreateFillsMemoryOnce(t *testing.T) {
	key := newKey(t)
	cfg := lock.Config{Memory: 256, Init: letter('a')}
	g, created, err := lock.OpenOrCreate(kit.Patient(t), key, 1, &cfg)
	kit.Must(t, err)
	endGroup(t, g)
	cfg.Init = letter('b')
	again, createdAgain, err := lock.OpenOrCreate(kit.Patient(t), key, 1, &cfg)
	kit.Must(t, err)
	closeAfter(t, again)
	if !created || createdAgain {
		t.Errorf("created %v, then %v", created, createdAgain)
	}
	wantMemory(t, again, 256, 'a')
	cfg.Memory = 257
	_, _, err = lock.OpenOrCreate(kit.Patient(t), key, 1, &cfg)
	kit.WantError(t, err, sysv.ErrSize, "256 bytes of memory, 1 mutexes, 0 RWMutexes and 384 bytes of memory are asked for")
}

func TestView(t *testing.T) {
	type two struct{ _, b uint32 }
	g := newGroupFor(t, 3, &lock.Config{Processes: 5, Memory: 130, Init: letter(0)})
	other := join(t, g)
	for _, off := range []int{0, 4, 248} {
		v, err := lock.View[two](g, off)
		kit.Must(t, err)
		v.b = uint32(off) + 1
		if seen, err := lock.View[two](other, off); err != nil || seen.b != v.b || other.Memory()[off+4] == 0 && other.Memory()[off+7] == 0 {
			t.Errorf("at %d: %v, error %v", off, seen, err)
		}
	}
	for _, off := range []int{-128, -1, 249, 256, 257, math.MaxInt, math.MinInt} {
		if _, err := lock.View[two](g, off); err == nil || !strings.Contains(err.Error(), "do not fit into 256 bytes") {
			t.Errorf("at %d: error %v", off, err)
		}
	}
	_, err := lock.View[*int](g, 0)
	if err == nil {
		t.Error("a pointer in shared memory")
	}
	closed := join(t, g)
	kit.Must(t, closed.Close())
	_, err = lock.View[two](closed, 0)
	kit.WantError(t, err, os.ErrClosed)
}

// Programs that don't agree on what the memory holds keep their hands off it.
func TestFormat(t *testing.T) {
	key := newKey(t)
	const format = "sixteen letters!"
	g, err := lock.Create(bg, key, 1, &lock.Config{Memory: 1, Format: format})
	kit.Must(t, err)
	endGroup(t, g)
	if got := stat(t, g).Format; got != format {
		t.Errorf("format %q", got)
	}
	for _, other := range []string{"", "sixteen letters?", "sixteen"} {
		says := `holds "sixteen letters!", not "` + other + `"`
		_, err := lock.Open(kit.Patient(t), key, &lock.OpenConfig{Format: other})
		kit.WantError(t, err, syscall.EINVAL, says)
		_, err = lock.OpenID(kit.Patient(t), g.ID(), &lock.OpenConfig{Format: other})
		kit.WantError(t, err, syscall.EINVAL, says)
		_, _, err = lock.OpenOrCreate(kit.Patient(t), key, 1, &lock.Config{Memory: 1, Format: other})
		kit.WantError(t, err, syscall.EINVAL, says)
	}
	_, err = lock.Open(kit.Patient(t), key, &lock.OpenConfig{Format: "seventeen letters"})
	kit.WantError(t, err, syscall.EINVAL, "at most 16 bytes")
	same, err := lock.Open(kit.Patient(t), key, &lock.OpenConfig{Format: format})
	kit.Must(t, err)
	closeAfter(t, same)
}

func TestInitThatFailsLeavesNothing(t *testing.T) {
	oops := errors.New("oops")
	fails := func([]byte) error { return oops }
	panics := func([]byte) error { panic(oops) }
	key := newKey(t)
	for _, k := range []sysv.Key{sysv.Private, key} {
		_, err := lock.Create(kit.Patient(t), k, 1, &lock.Config{Memory: 1, Init: fails})
		kit.WantError(t, err, oops)
		func() {
			defer func() {
				if recover() != oops {
					t.Error("Init's panic is lost")
				}
			}()
			lock.Create(kit.Patient(t), k, 1, &lock.Config{Memory: 1, Init: panics})
		}()
	}
	wantNames(t, key)
}

// The number of a member tells him from all others, those in his slot before him as
// well, and Alive from the dead.
func TestSelf(t *testing.T) {
	g := newGroupFor(t, 1, &lock.Config{Processes: 2})
	if alive, err := g.Alive(g.Self()); !alive || err != nil {
		t.Errorf("this process is alive %v, error %v", alive, err)
	}
	numbers := []uint32{g.Self()}
	for range 3 {
		p := start(t, g)
		st := stat(t, g)
		if st.Members[0].Number != g.Self() || st.Members[1].PID != p.pid() {
			t.Errorf("members %+v", st.Members)
		}
		number := st.Members[1].Number
		if number < 1<<20 || number >= 1<<31 {
			t.Errorf("number %#x", number)
		}
		for _, n := range numbers {
			if n == number {
				t.Errorf("%#x comes again", n)
			}
		}
		for i, n := range append(numbers, number) {
			if alive, err := g.Alive(n); alive != (i == 0 || n == number) || err != nil {
				t.Errorf("member %#x is alive %v, error %v", n, alive, err)
			}
		}
		numbers = append(numbers, number)
		p.Kill()
		if alive, err := g.Alive(number); alive || err != nil {
			t.Errorf("after its death %#x is alive %v, error %v", number, alive, err)
		}
	}
	for _, n := range []uint32{0, 1, 1<<20 - 1, 3 << 20, 1<<31 | g.Self()} {
		_, err := g.Alive(n)
		kit.WantError(t, err, syscall.EINVAL, "is no number of a member")
	}
	other := join(t, g)
	kit.Must(t, other.Close())
	_, err := other.Alive(g.Self())
	kit.WantError(t, err, os.ErrClosed)
}

// Who inspects takes no place, and needs none.
func TestInspect(t *testing.T) {
	g := newGroupFor(t, 2, &lock.Config{Processes: 1, Memory: 128, Format: "letters", Init: letter('z')})
	take(t, g.Mutex(1))
	var memory []byte
	st, err := lock.Inspect(g.ID(), func(_ lock.Stat, m []byte) error { memory = bytes.Clone(m); return nil })
	kit.Must(t, err)
	if st.Format != "letters" || st.Memory != 128 || len(st.Members) != 1 || st.Members[0].PID != os.Getpid() || !st.Mutexes[1].Held || st.Mutexes[0].Held {
		t.Errorf("%+v", st)
	}
	if string(memory) != string(bytes.Repeat([]byte{'z'}, 128)) {
		t.Errorf("memory %q", memory)
	}
	kit.Must(t, g.Mutex(1).Unlock())
	oops := errors.New("oops")
	_, err = lock.Inspect(g.ID(), func(lock.Stat, []byte) error { return oops })
	kit.WantError(t, err, oops)
	kit.Must(t, g.Remove())
	_, err = lock.Inspect(g.ID(), nil)
	kit.WantError(t, err, sysv.ErrRemoved)
	_, err = lock.Inspect(-1, nil)
	kit.WantError(t, err, fs.ErrNotExist)
}
