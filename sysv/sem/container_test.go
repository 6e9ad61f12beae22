//go:build linux && !android

package sem_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// tenant does what it reads with the set and the segment of a key, and prints
// how each went.
var tenant = sysvtest.Helper("tenant", func(args []string) error {
	key, err := sysv.ParseKey(args[0])
	if err != nil {
		return err
	}
	set, err := sem.Open(bg, key, nil)
	if err != nil {
		return err
	}
	seg, err := shm.Open(key, nil)
	if err != nil {
		return err
	}
	mem, err := seg.Attach(nil)
	if err != nil {
		return err
	}
	lock := set.Mutex(0)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "lock":
			fmt.Println(outcome(lock.Lock(bg)))
		case "lock, but give up":
			ctx, cancel := context.WithCancel(bg)
			go func() {
				for n := 0; n == 0; {
					n, _ = set.Waiters(0)
				}
				cancel()
			}()
			fmt.Println(outcome(lock.Lock(ctx)))
		case "write":
			_, err := mem.WriteAt([]byte("half"), 4092)
			fmt.Println(outcome(err))
		case "read":
			var b [4]byte
			_, err := mem.ReadAt(b[:], 4092)
			fmt.Printf("%s %s\n", b, outcome(err))
		case "who":
			last, err := set.LastPID(0)
			stat, err2 := seg.Stat()
			fmt.Println(os.Getpid(), last, stat.CPID, stat.LPID, outcome(errors.Join(err, err2)))
		}
	}
	return nil
})

// As in a container: an ordinary user who is root of new user, PID and IPC
// namespaces, see user_namespaces(7), pid_namespaces(7) and ipc_namespaces(7).
// Two processes use the same objects that can't see each other's pids.
func TestInAContainer(t *testing.T) {
	sysvtest.Command(tenant) // which the inner run starts
	if !inNamespaces(t, syscall.CLONE_NEWUSER|syscall.CLONE_NEWPID|syscall.CLONE_NEWIPC|syscall.CLONE_NEWNS) {
		return
	}
	if pid := os.Getpid(); pid != 1 {
		t.Fatalf("pid %d in a new PID namespace", pid)
	}
	t.Run("the host's proc", inContainer)
	if err := syscall.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		t.Logf("not tried with a /proc of its own, unmount what covers parts of /proc: %v", err)
		return
	}
	t.Run("its own proc", inContainer)
}

func inContainer(t *testing.T) {
	key := newKey(t)
	set, created, err := sem.OpenOrCreate(kit.Patient(t), key, []int{1}, &sem.Config{OwnedBy: new(uint32(0))})
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	seg, created, err := shm.OpenOrCreate(key, 4096, &shm.Config{OwnedBy: new(uint32(0))})
	if err != nil || !created {
		t.Fatalf("created %v, %v", created, err)
	}
	t.Cleanup(func() { kit.Must(t, seg.Remove()) })

	start := func() *sysvtest.Process {
		cmd := sysvtest.Command(tenant, key.String())
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
		return sysvtest.StartCommand(t, cmd)
	}
	ask := func(p *sysvtest.Process, question, want string) {
		t.Helper()
		p.Send(question)
		p.Expect(want)
	}
	a := start()
	ask(a, "lock", "ok")
	ask(a, "write", "ok")
	b := start()
	ask(b, "who", "1 0 0 1 ok") // it can't see who has the lock, nor who made the segment
	ask(a, "who", "1 1 0 0 ok") // nor a who attached last
	ask(b, "lock, but give up", context.Canceled.Error())
	if ok, err := set.Mutex(0).TryLock(); ok || err != nil {
		t.Errorf("TryLock: %v, %v", ok, err)
	}
	b.Send("lock")
	awaitWaiters(t, set, 0, 1)
	if last := kit.Number(t)(set.LastPID(0)); last != a.Process.Pid {
		t.Errorf("LastPID %d, want that of the holder, %d", last, a.Process.Pid)
	}
	a.Kill()
	b.Expect("ok")
	ask(b, "read", "half ok")
	b.Kill()
	kit.Must(t, set.Mutex(0).Lock(kit.Patient(t)))
	kit.Must(t, set.Mutex(0).Unlock())
	wantValues(t, set, 1)

	var segments []shm.Stat
	kit.Eventually(t, "the dead are detached", func() bool {
		segments, err = shm.List()
		return err != nil || len(segments) == 1 && segments[0].Nattch == 0
	})
	kit.Must(t, err)
	sets := list(t)
	if len(sets) != 1 || sets[0].ID != set.ID() || sets[0].Key != key || sets[0].UID != 0 {
		t.Errorf("sets: %+v", sets)
	}
	if segments[0].ID != seg.ID() || segments[0].Key != key || segments[0].UID != 0 {
		t.Errorf("segments: %+v", segments)
	}
}
