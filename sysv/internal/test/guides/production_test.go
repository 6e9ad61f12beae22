//go:build linux && !android

package guides

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/ring"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

const production = "docs/production.md"

func TestProductionShown(t *testing.T) {
	wantGo(t, production, "production_test.go", root+"docs/metrics/main.go")
}

// What the guide shows, in its order.

func withLock(ctx context.Context, set *sem.Set, do func()) (*sem.Set, error) {
	err := set.Mutex(0).Lock(ctx)
	for errors.Is(err, sysv.ErrRemoved) {
		if set, _, err = sem.OpenOrCreate(ctx, set.Key(), []int{1}, nil); err == nil {
			err = set.Mutex(0).Lock(ctx)
		}
	}
	if err != nil {
		return set, err
	}
	do()
	return set, set.Mutex(0).Unlock()
}

// nearLimits names what is used by more than 4 of 5.
func nearLimits() (full []string, err error) {
	segments, err1 := shm.Usage()
	segmentsMax, err2 := shm.Limits()
	sets, err3 := sem.Usage()
	setsMax, err4 := sem.Limits()
	queues, err5 := msg.Usage()
	queuesMax, err6 := msg.Limits()
	for _, l := range []struct {
		name      string
		used, max uint64
	}{
		{"kernel.shmmni", uint64(segments.Segments), segmentsMax.ShmMNI},
		{"kernel.shmall", segments.Pages, segmentsMax.ShmAll},
		{"kernel.sem (sets)", uint64(sets.Sets), uint64(setsMax.SemMNI)},
		{"kernel.sem (semaphores)", uint64(sets.Semaphores), uint64(setsMax.SemMNS)},
		{"kernel.msgmni", uint64(queues.Queues), uint64(queuesMax.MsgMNI)},
	} {
		if l.used > l.max/5*4 {
			full = append(full, fmt.Sprintf("%s: %d of %d", l.name, l.used, l.max))
		}
	}
	return full, errors.Join(err1, err2, err3, err4, err5, err6)
}

// orphans are the segments that nobody has attached, and whose creator and last user
// are dead.
func orphans() ([]shm.Stat, error) {
	all, err := shm.List()
	return slices.DeleteFunc(all, func(s shm.Stat) bool {
		return s.Nattch > 0 || alive(s.CPID) || !s.ATime.IsZero() && alive(s.LPID)
	}), err
}

// alive takes for alive who can't be seen from this PID namespace, and so has pid 0.
func alive(pid int) bool { return pid == 0 || syscall.Kill(pid, 0) != syscall.ESRCH }

// afterCrash is what each start of a service does.
func afterCrash(ctx context.Context, key sysv.Key, repair func([]byte)) (*lock.Group, bool, bool) {
	g, created, err := lock.OpenOrCreate(ctx, key, 1, &lock.Config{Memory: 64, Format: "counters/1"})
	check(err)
	abandoned, err := g.Mutex(0).Lock(ctx)
	check(err)
	if abandoned {
		repair(g.Memory())
		check(g.Mutex(0).Repaired())
	}
	check(g.Mutex(0).Unlock())

	return g, created, abandoned
}

// openCounters opens version 2, filled from version 1 if that is there.
func openCounters(ctx context.Context) (*shm.Mapping, error) {
	mem, _, err := shm.OpenOrInit(ctx, sysv.KeyOf("com.example.counters/2"), 16, nil, func(m *shm.Mapping) error {
		seg, err := shm.Open(sysv.KeyOf("com.example.counters/1"), nil)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // begin with zeros
		}
		if err != nil {
			return err
		}
		old, err := seg.Attach(&shm.AttachConfig{ReadOnly: true})
		if err != nil {
			return err
		}
		defer old.Detach()
		_, err = m.WriteAt(old.Bytes()[:8], 0)
		return err
	})
	return mem, err
}

// The guide's sections, in its order.

// likeLogind removes what systemd-logind does at the end of a user's last session: the
// rule is that of systemd's src/shared/clean-ipc.c.
func likeLogind(t *testing.T) {
	t.Helper()
	segments, err := shm.List()
	kit.Must(t, err)
	for _, s := range segments {
		if s.Nattch == 0 {
			seg, err := shm.OpenID(s.ID)
			kit.Must(t, err)
			kit.Must(t, seg.Remove())
		}
	}
	sets, err := sem.List()
	kit.Must(t, err)
	for _, s := range sets {
		set, err := sem.OpenID(s.ID)
		kit.Must(t, err)
		kit.Must(t, set.Remove())
	}
	queues, err := msg.List()
	kit.Must(t, err)
	for _, q := range queues {
		queue, err := msg.OpenID(q.ID)
		kit.Must(t, err)
		kit.Must(t, queue.Remove())
	}
}

func TestProductionRemoved(t *testing.T) {
	needOwnNamespace(t)
	const attachedKey, idleKey, lockKey, ringKey sysv.Key = 0x4d3, 0x4d4, 0x4d5, 0x4d6
	attached, err := shm.Create(attachedKey, 4096, nil)
	kit.Must(t, err)
	mem, err := attached.Attach(nil)
	kit.Must(t, err)
	defer mem.Detach()
	defer attached.Remove()
	_, err = shm.Create(idleKey, 4096, nil)
	kit.Must(t, err)
	set, err := sem.Create(key, []int{0}, nil)
	kit.Must(t, err)
	queue, err := msg.Create(key, nil)
	kit.Must(t, err)
	group, err := lock.Create(t.Context(), lockKey, 1, nil)
	kit.Must(t, err)
	defer group.Close()
	records, err := ring.CreateQueue(t.Context(), ringKey, nil)
	kit.Must(t, err)
	defer records.Close()

	lockSet := kit.Async(t, func() error { return set.Mutex(0).Lock(kit.Patient(t)) })
	receive := kit.Async(t, func() error { _, err := queue.Next(kit.Patient(t), msg.Any); return err })
	kit.Eventually(t, "somebody waits", func() bool { return kit.Number(t)(set.Waiters(0)) == 1 })
	kit.AwaitBlocked(t, os.Getpid(), 1)
	likeLogind(t)
	kit.WantError(t, lockSet(), sysv.ErrRemoved)
	kit.WantError(t, receive(), sysv.ErrRemoved)
	_, err = set.Value(0)
	kit.WantError(t, err, sysv.ErrRemoved)

	_, err = shm.Open(idleKey, nil)
	kit.WantError(t, err, fs.ErrNotExist)
	if found, err := shm.Open(attachedKey, nil); err != nil || found.ID() != attached.ID() {
		t.Errorf("the attached segment: %v", err)
	}
	kit.Eventually(t, "a free lock says that it is removed", func() bool {
		_, err := group.Mutex(0).Lock(kit.Patient(t))
		if err == nil {
			kit.Must(t, group.Mutex(0).Unlock())
		}
		return errors.Is(err, sysv.ErrRemoved)
	})
	_, err = records.Receive(kit.Patient(t))
	kit.WantError(t, err, sysv.ErrRemoved)

	again, created, err := lock.OpenOrCreate(kit.Patient(t), lockKey, 1, nil)
	kit.Must(t, err)
	want(t, "created", created, true)
	kit.Must(t, errors.Join(again.Remove(), again.Close()))
	ringAgain, created, err := ring.OpenOrCreateQueue(kit.Patient(t), ringKey, nil)
	kit.Must(t, err)
	want(t, "created", created, true)
	kit.Must(t, errors.Join(ringAgain.Remove(), ringAgain.Close()))

	done := false
	set, err = withLock(kit.Patient(t), set, func() { done = true })
	kit.Must(t, err)
	want(t, "done", done, true)
	kit.Must(t, set.Remove())
}

func TestProductionRemovedMemory(t *testing.T) {
	old, err := shm.Create(key, 4096, nil)
	kit.Must(t, err)
	mem, err := old.Attach(nil)
	kit.Must(t, err)
	defer mem.Detach()
	copy(mem.Bytes(), "old")
	kit.Must(t, old.Remove())
	next, created, err := shm.OpenOrCreate(key, 4096, nil)
	kit.Must(t, err)
	defer next.Remove()
	st, err := old.Stat()
	kit.Must(t, err)
	if !created || !st.Dest || string(mem.Bytes()[:3]) != "old" {
		t.Errorf("another is created: %v, Dest %v, it holds %q", created, st.Dest, mem.Bytes()[:3])
	}
}

// A leaver makes a segment of a key, and attaches it if it is told to, and stays until
// it is told to go.
var leaver = sysvtest.Helper("leaver", func(args []string) error {
	key, err := sysv.ParseKey(args[0])
	if err != nil {
		return err
	}
	seg, err := shm.Create(key, 4096, nil)
	if err != nil {
		return err
	}
	if args[1] == "attach" {
		if _, err := seg.Attach(nil); err != nil {
			return err
		}
	}
	fmt.Println("made")
	bufio.NewScanner(os.Stdin).Scan()
	return nil
})

func leave(t *testing.T, key sysv.Key, how string) *sysvtest.Process {
	t.Helper()
	p := sysvtest.Start(t, leaver, key.String(), how)
	p.Expect("made")
	return p
}

func TestProductionForced(t *testing.T) {
	needOwnNamespace(t)
	kit.NeedRoot(t, "may change kernel.shm_rmid_forced")
	there := func(key sysv.Key) bool {
		seg, err := shm.Open(key, nil)
		if err == nil {
			_, err = seg.Stat()
		}
		return err == nil
	}
	leave(t, 0x4d3, "attach").Finish() // and nobody has it, when it is set
	want(t, "an orphan before", there(0x4d3), true)
	setSysctl(t, "shm_rmid_forced", "1")
	want(t, "an orphan then", there(0x4d3), false)

	p := leave(t, 0x4d4, "attach")
	want(t, "with its maker", there(0x4d4), true)
	seg, err := shm.Open(0x4d4, nil)
	kit.Must(t, err)
	mem, err := seg.Attach(nil)
	kit.Must(t, err)
	p.Finish()
	want(t, "with another", there(0x4d4), true)
	kit.Must(t, mem.Detach())
	want(t, "with nobody", there(0x4d4), false)

	p = leave(t, 0x4d5, "don't")
	want(t, "never attached", there(0x4d5), true)
	p.Finish()
	want(t, "never attached, and its creator is gone", there(0x4d5), false)

	for range 2 { // the second begins anew
		g, created, err := lock.OpenOrCreate(kit.Patient(t), 0x4d6, 1, nil)
		kit.Must(t, err)
		want(t, "a group created", created, true)
		kit.Must(t, g.Close())
		q, created, err := ring.OpenOrCreateQueue(kit.Patient(t), 0x4d7, nil)
		kit.Must(t, err)
		want(t, "a ring created", created, true)
		kit.Must(t, q.Close())
		mem, created, err := shm.OpenOrInit(kit.Patient(t), 0x4d8, 1, nil, func(*shm.Mapping) error { return nil })
		kit.Must(t, err)
		want(t, "a segment created", created, true)
		kit.Must(t, mem.Detach())
	}
	sets, err := sem.List() // which stay without their segments
	kit.Must(t, err)
	for _, s := range sets {
		set, err := sem.OpenID(s.ID)
		kit.Must(t, err)
		kit.Must(t, set.Remove())
	}
}

// needOwnNamespace is for what others' objects must be safe from.
func needOwnNamespace(t *testing.T) {
	t.Helper()
	sysvtest.Command(leaver) // who counts as started where the test is skipped
	if os.Getenv("SYSVTEST_INNER") == "" {
		t.Skip("skipping: others' objects are here: run the test as root with CAP_SYS_ADMIN, or allow user namespaces")
	}
}

// setSysctl sets a limit of this namespace until the test ends.
func setSysctl(t *testing.T, name, value string) {
	t.Helper()
	path := "/proc/sys/kernel/" + name
	old, err := os.ReadFile(path)
	kit.Must(t, err)
	if err := os.WriteFile(path, []byte(value), 0); err != nil {
		t.Skipf("skipping, mount /proc to write, as root: %v", err)
	}
	t.Cleanup(func() { kit.Must(t, os.WriteFile(path, old, 0)) })
}

func TestProductionDefaults(t *testing.T) {
	inside := inNew(t, syscall.CLONE_NEWIPC)
	inside.wants("4096", "read", "shmmni")
	inside.wants("32000 1024000000 500 32000", "read", "sem")
	inside.wants("32000", "read", "msgmni")
	inside.wants("16384", "read", "msgmnb")
	inside.wants("8192", "read", "msgmax")
}

func TestProductionLimits(t *testing.T) {
	needOwnNamespace(t)
	setSysctl(t, "shmmni", "2")
	setSysctl(t, "shmmax", "1000000")
	setSysctl(t, "sem", "4 6 500 2")
	setSysctl(t, "msgmni", "1")
	full := func(want ...string) {
		t.Helper()
		got, err := nearLimits()
		kit.Must(t, err)
		if !slices.Equal(got, want) {
			t.Errorf("near their limits are %q, want %q", got, want)
		}
	}
	full()
	for range 2 {
		seg, err := shm.Create(sysv.Private, 1, nil)
		kit.Must(t, err)
		defer seg.Remove()
	}
	full("kernel.shmmni: 2 of 2")
	_, err := shm.Create(sysv.Private, 1, nil)
	kit.WantError(t, err, syscall.ENOSPC, "2 of 2 segments in use", "kernel.shmmni")
	_, err = shm.Create(sysv.Private, 1000001, nil)
	kit.WantError(t, err, syscall.EINVAL, "kernel.shmmax")

	_, err = sem.Create(sysv.Private, make([]int, 5), nil)
	kit.WantError(t, err, syscall.EINVAL, "SEMMSL")
	for _, n := range []int{4, 1} {
		set, err := sem.Create(sysv.Private, make([]int, n), nil)
		kit.Must(t, err)
		defer set.Remove()
	}
	_, err = sem.Create(sysv.Private, []int{0}, nil)
	kit.WantError(t, err, syscall.ENOSPC, "2 of 2 sets in use", "kernel.sem")
	full("kernel.shmmni: 2 of 2", "kernel.sem (sets): 2 of 2", "kernel.sem (semaphores): 5 of 6")

	queue, err := msg.Create(sysv.Private, nil)
	kit.Must(t, err)
	defer queue.Remove()
	_, err = msg.Create(sysv.Private, nil)
	kit.WantError(t, err, syscall.ENOSPC, "1 of 1 queues in use", "kernel.msgmni")
	kit.WantError(t, queue.Send(t.Context(), 1, make([]byte, 8193)), syscall.EINVAL, "kernel.msgmax")
	for range 2 {
		kit.Must(t, queue.Send(t.Context(), 1, make([]byte, 8192)))
	}
	if ok, err := queue.TrySend(1, []byte("x")); ok || err != nil {
		t.Errorf("a full queue: %v, %v, want a wait", ok, err)
	}
}

func TestProductionOrphans(t *testing.T) {
	needOwnNamespace(t)
	for i, how := range []string{"attach", "don't"} {
		stays, goes := sysv.Key(0x4d3+2*i), sysv.Key(0x4d4+2*i)
		removeAfter(t, stays)
		removeAfter(t, goes)
		leave(t, stays, how)
		leave(t, goes, how).Finish()
		found, err := orphans()
		kit.Must(t, err)
		if len(found) != 1 || found[0].Key != goes {
			t.Errorf("%s: the orphans are %+v, want that of key %v", how, found, goes)
		}
		seg, err := shm.Open(goes, nil)
		kit.Must(t, err)
		mem, err := seg.Attach(nil) // by one whom it would hit
		kit.Must(t, err)
		if found, err := orphans(); len(found) != 0 || err != nil {
			t.Errorf("%s: attached it is one: %+v, %v", how, found, err)
		}
		kit.Must(t, mem.Detach())
		kit.Must(t, seg.Remove())
	}
}

// A service dies in the middle of what it does.
var service = sysvtest.Helper("service", func(args []string) error {
	g, _, _ := afterCrash(context.Background(), key, nil)
	if _, err := g.Mutex(0).Lock(context.Background()); err != nil {
		return err
	}
	copy(g.Memory(), "half")
	fmt.Println("half")
	bufio.NewScanner(os.Stdin).Scan()
	return nil
})

func TestProductionCrash(t *testing.T) {
	p := sysvtest.Start(t, service)
	p.Expect("half")
	p.Kill()
	repaired := ""
	repair := func(memory []byte) {
		repaired = string(memory[:4])
		clear(memory)
	}
	g, created, abandoned := afterCrash(kit.Patient(t), key, repair)
	defer func() { kit.Must(t, errors.Join(g.Remove(), g.Close())) }()
	if created || !abandoned || repaired != "half" {
		t.Errorf("created %v, abandoned %v, it found %q", created, abandoned, repaired)
	}
	if abandoned, err := g.Mutex(0).Lock(kit.Patient(t)); abandoned || err != nil {
		t.Errorf("after Repaired: abandoned %v, %v", abandoned, err)
	}
	kit.Must(t, g.Mutex(0).Unlock())
}

// In the room that was left new programs find zeros, and old ones look at nothing.
func TestProductionRoom(t *testing.T) {
	removeAfter(t, key)
	_, _, err := shm.OpenOrCreate(key, 4096, nil) // by the old one
	kit.Must(t, err)
	seg, created, err := shm.OpenOrCreate(key, 4096, nil)
	kit.Must(t, err)
	mem, err := seg.Attach(nil)
	kit.Must(t, err)
	defer mem.Detach()
	old, err := shm.View[struct{ count uint64 }](mem, 0)
	kit.Must(t, err)
	next, err := shm.View[struct{ count, limit uint64 }](mem, 0)
	kit.Must(t, err)
	old.count = 7
	if created || next.count != 7 || next.limit != 0 {
		t.Errorf("created %v, the new one sees %+v", created, *next)
	}
	next.limit = 9
	want(t, "what the old one sees", old.count, 7)
}

func TestProductionLayouts(t *testing.T) {
	ctx := kit.Patient(t)
	one, two := sysv.KeyOf("com.example.counters/1"), sysv.KeyOf("com.example.counters/2")
	removeAfter(t, one)
	removeAfter(t, two)
	seg, err := shm.Create(one, 8, nil)
	kit.Must(t, err)
	old, err := seg.Attach(nil)
	kit.Must(t, err)
	defer old.Detach()
	copy(old.Bytes(), "8 bytes!")
	for range 2 { // the second finds what the first has made
		mem, err := openCounters(ctx)
		kit.Must(t, err)
		want(t, "version 2", string(mem.Bytes()), "8 bytes!\x00\x00\x00\x00\x00\x00\x00\x00")
		kit.Must(t, mem.Detach())
		clear(old.Bytes()) // version 1 goes on by itself
	}
	kit.Must(t, seg.Remove())
	_, _, err = shm.OpenOrCreate(two, 32, nil)
	kit.WantError(t, err, sysv.ErrSize)

	g, err := lock.Create(ctx, key, 1, &lock.Config{Memory: 64, Format: "counters/1"})
	kit.Must(t, err)
	defer func() { kit.Must(t, errors.Join(g.Remove(), g.Close())) }()
	_, err = lock.Open(ctx, key, &lock.OpenConfig{Format: "counters/2"})
	kit.WantError(t, err, syscall.EINVAL, "counters/1")
	_, _, err = lock.OpenOrCreate(ctx, key, 1, &lock.Config{Memory: 256, Format: "counters/1"})
	kit.WantError(t, err, sysv.ErrSize)
}

func TestProductionMonitoring(t *testing.T) {
	program, err := os.ReadFile(root + "docs/metrics/main.go")
	kit.Must(t, err)
	if shown := block(t, production, "go", "package main"); shown != string(program) {
		t.Errorf("the guide shows\n%s\nand docs/metrics has\n%s", shown, program)
	}
	if n := strings.Count(string(program), "\n"); n >= 60 {
		t.Errorf("it has %d lines, want fewer than 60", n)
	}
}
