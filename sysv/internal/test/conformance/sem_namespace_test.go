//go:build linux && !android

package conformance

import (
	"os"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"golang.org/x/sys/unix"
)

// Namespaces: ipc_namespaces(7), pid_namespaces(7).
var semNamespaceRows = []row{
	{"SEM-090", "GETPID is the pid that the reader knows the process by, 0 if he does not see it", func(t *testing.T) {
		s := bareSet(t, 2)
		p := peerInNamespaces(t, semPeer, unix.CLONE_NEWPID)
		p.want(s.ID(), "open-id", s.ID())
		p.want(nil, "do", semPost)
		kit.Must(t, s.Do(forever, sem.Op{Num: 1, Delta: +1}))
		wantLastPIDs(t, s, p.pid(), os.Getpid())
		p.want(1, "last-pid", 0)
		p.want(0, "last-pid", 1)
	}},
	{"SEM-121", "a new IPC namespace has no sets: keys are free there, and ids name nothing", func(t *testing.T) {
		s := newKeyedSet(t, 5)
		p := peerInNamespaces(t, semPeer, unix.CLONE_NEWIPC)
		p.want(syscall.ENOENT, "open", s.Key())
		p.want(syscall.ENOENT, "open-id", s.ID())
		wantSame(t, "sets", len(askPeer[[]sem.Stat](p, "list")), 0)
		askPeer[int](p, "create", s.Key(), 7)
		p.want([]int{7}, "values")
		p.want(nil, "remove")
		wantSetValues(t, s, 5)
	}},
	{"SEM-122", "a set is found in its IPC namespace and in none beside it", func(t *testing.T) {
		key := newSetKey(t)
		here, inside, beside := startPeer(t, semPeer, nil), peerInNamespaces(t, semPeer, unix.CLONE_NEWIPC), peerInNamespaces(t, semPeer, unix.CLONE_NEWIPC)
		askPeer[int](inside, "create", key, 1)
		beside.want(syscall.ENOENT, "open", key)
		here.want(syscall.ENOENT, "open", key)

		id := askPeer[int](here, "create", key, 2)
		s, err := sem.Open(t.Context(), key, nil)
		kit.Must(t, err)
		wantSame(t, "id", s.ID(), id)
		wantSetValues(t, s, 2)
		beside.want(syscall.ENOENT, "open", key)
	}},
	{"SEM-123", "sets with one key in two IPC namespaces have nothing in common", func(t *testing.T) {
		s := newKeyedSet(t, 1)
		p := peerInNamespaces(t, semPeer, unix.CLONE_NEWIPC)
		askPeer[int](p, "create", s.Key(), 1)
		wantTry(t, s, true, semTake)
		p.want(true, "try", semTake)
		wantTry(t, s, false, semTake)
		p.want(false, "try", semTake)
		kit.Must(t, s.Do(forever, semPost))
		p.want(0, "value", 0)
	}},
}
