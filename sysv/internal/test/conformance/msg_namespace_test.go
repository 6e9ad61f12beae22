//go:build linux && !android

package conformance

import (
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/msg"
	"golang.org/x/sys/unix"
)

// Namespaces: ipc_namespaces(7).
var msgNamespaceRows = []row{
	{"MSG-067", "a new IPC namespace has no queues: keys are free there, and ids name nothing; a process in the same one finds them", func(t *testing.T) {
		q := newKeyedQueue(t)
		here, inside := startPeer(t, msgPeer, nil), peerInNamespaces(t, msgPeer, unix.CLONE_NEWIPC)
		here.want(q.ID(), "open", q.Key())
		inside.want(syscall.ENOENT, "open", q.Key())
		inside.want(syscall.ENOENT, "open-id", q.ID())
		wantSame(t, "queues", len(askPeer[[]msg.Stat](inside, "list")), 0)
	}},
	{"MSG-068", "queues with one key in two IPC namespaces have no messages in common", func(t *testing.T) {
		q := newKeyedQueue(t)
		putInQueue(t, q, "1 outside")
		p := peerInNamespaces(t, msgPeer, unix.CLONE_NEWIPC)
		askPeer[int](p, "create", q.Key(), 0o600)
		p.want(sysv.ErrWouldBlock, "try-receive", "any")
		p.want(nil, "send", 1, "inside")
		wantLeft(t, q, "1 outside")
		p.want("1 inside", "receive", "any")
		p.want(nil, "remove")
		putInQueue(t, q, "1 again")
		wantLeft(t, q, "1 again")
	}},
}
