//go:build linux && !android

package conformance

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"golang.org/x/sys/unix"
)

// Limits and use: msgget(2), IPC_INFO and MSG_INFO of msgctl(2).
var msgLimitRows = []row{
	{"MSG-062", "MSG_INFO, MSG_STAT_ANY and /proc/sysvipc/msg count the same queues, for any user", func(t *testing.T) {
		needQuiet(t)
		a, b := newQueue(t), newQueue(t)
		putInQueue(t, a, "1 hello", "2 you")
		putInQueue(t, b, "1 there")
		p, _ := ownerOfQueue(t, 0o200)
		want := msgUsageOf(listQueues(t))
		wantSame(t, "Usage", msgUsage(t), want)
		if want.Queues < 3 || want.Messages < 3 || want.Bytes < 13 {
			t.Errorf("List counts %+v", want)
		}
		p.want(want, "usage")
		wantSame(t, "List", msgUsageOf(askPeer[[]msg.Stat](p, "list")), want)

		without := peerWithoutProc(t, msgPeer, 0)
		without.want(want, "usage")
		list := askPeer[[]msg.Stat](without, "list")
		wantSame(t, "List without /proc", msgUsageOf(list), want)
		without.want(a.ID(), "open-id", a.ID())
		wantSame(t, "MSG_STAT_ANY", inQueueList(t, list, a), askPeer[msg.Stat](without, "stat"), ignoreSeq)
	}},
	{"MSG-063", "IPC_INFO says the limits: 8192 bytes in a message, 16384 in a queue and 32000 queues, and what kernel.msgmax, msgmnb and msgmni are set to", func(t *testing.T) {
		got := msgLimits(t)
		for name, limit := range map[string]int{"msgmax": got.MsgMax, "msgmnb": got.MsgMNB, "msgmni": got.MsgMNI} {
			text, err := os.ReadFile("/proc/sys/kernel/" + name)
			kit.Must(t, err)
			wantSame(t, name, strconv.Itoa(limit), strings.TrimSpace(string(text)))
		}
		newQueue(t)
		if u := msgUsage(t); u.Queues < 1 {
			t.Errorf("with one queue at least: %+v", u)
		}
		if os.Getenv("SYSVTEST_INNER") != "" { // a namespace that nobody has set them for
			wantSame(t, "limits", got, msg.SystemLimits{MsgMax: 8192, MsgMNB: 16384, MsgMNI: 32000})
		}
		p := peerInNamespaces(t, msgPeer, unix.CLONE_NEWIPC)
		p.want(msg.SystemLimits{MsgMax: 8192, MsgMNB: 16384, MsgMNI: 32000}, "limits")
		p.setSysctl("msgmax", "11")
		p.setSysctl("msgmnb", "22")
		p.setSysctl("msgmni", "33")
		p.want(msg.SystemLimits{MsgMax: 11, MsgMNB: 22, MsgMNI: 33}, "limits")
		askPeer[int](p, "create", sysv.Private, 0o600)
		p.want(22, "max-bytes")
	}},
	{"MSG-064", "MSG_INFO counts the queues, the messages in them and their bytes", func(t *testing.T) {
		needQuiet(t)
		want := msgUsage(t)
		check := func(what string, queues, messages, bytes int) {
			t.Helper()
			want.Queues, want.Messages, want.Bytes = want.Queues+queues, want.Messages+messages, want.Bytes+bytes
			wantSame(t, what, msgUsage(t), want)
		}
		q := newQueue(t)
		check("a queue more", 1, 0, 0)
		putInQueue(t, q, "1 hello")
		check("a message more", 0, 1, 5)
		putInQueue(t, q, "1 ", "2 "+strings.Repeat("x", 100))
		check("two messages more", 0, 2, 100)
		wantTaken(t, q, msg.Any, "1 hello")
		check("one less", 0, -1, -5)
		kit.Must(t, q.Remove())
		check("removed", -1, -2, -100)
	}},
}
