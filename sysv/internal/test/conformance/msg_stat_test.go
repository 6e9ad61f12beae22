//go:build linux && !android

package conformance

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// msgIgnoreWhen is for comparing all but when and by whom something was done,
// which emulator.Queues is about.
var msgIgnoreWhen = cmpopts.IgnoreFields(msg.Stat{}, "STime", "RTime", "CTime", "LSPID", "LRPID")

var msgIgnoreCTime = cmpopts.IgnoreFields(msg.Stat{}, "CTime")

// State, removal and the table of queues: msgctl(2), proc(5).
var msgStatRows = []row{
	{"MSG-010", "after a message was sent IPC_STAT says its bytes, and who sent it and when", func(t *testing.T) {
		q := newQueue(t)
		want := queueStat(t, q)
		putInQueue(t, q, "1 hello")
		want.Messages, want.Bytes = 1, 5
		got := queueStat(t, q)
		wantSame(t, "Stat", got, want, msgIgnoreWhen)
		emulator.Queues.Skip(t)
		want.LSPID, want.STime = os.Getpid(), got.STime
		wantSame(t, "Stat", got, want)
		wantNow(t, "stime", got.STime)

		p := newQueuePeer(t, q)
		p.want(nil, "send", 1, "there")
		got = queueStat(t, q)
		wantSame(t, "messages and bytes", []int{got.Messages, got.Bytes}, []int{2, 10})
		wantSame(t, "who sent last", got.LSPID, p.pid())
	}},
	{"MSG-026", "after a message was received IPC_STAT counts it no more, and says who received it and when", func(t *testing.T) {
		q := newQueue(t)
		putInQueue(t, q, "1 hello", "2 you")
		want := queueStat(t, q)
		wantTaken(t, q, msg.Any, "1 hello")
		want.Messages, want.Bytes = 1, 3
		got := queueStat(t, q)
		wantSame(t, "Stat", got, want, msgIgnoreWhen)
		p := newQueuePeer(t, q)
		p.want("2 you", "receive", "any")
		last := queueStat(t, q)
		wantSame(t, "messages and bytes", []int{last.Messages, last.Bytes}, []int{0, 0})
		emulator.Queues.Skip(t)
		want.LRPID, want.RTime = os.Getpid(), got.RTime
		wantSame(t, "Stat", got, want)
		wantNow(t, "rtime", got.RTime)
		wantSame(t, "who received last", last.LRPID, p.pid())
	}},
	{"MSG-052", "a new queue is empty, has the mode and key asked for, its creator for owner, MSGMNB for its size, ctime now, and was used by nobody and never", func(t *testing.T) {
		emulator.Mode.Skip(t)
		uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
		key := newQueueKey(t)
		q, err := msg.Create(key, &msg.Config{Mode: 0o640})
		kit.Must(t, err)
		want := msg.Stat{
			ID:       q.ID(),
			Perm:     sysv.Perm{Key: key, UID: uid, GID: gid, CUID: uid, CGID: gid, Mode: 0o640},
			MaxBytes: msgLimits(t).MsgMNB,
		}
		got := queueStat(t, q)
		wantSame(t, "Stat", got, want, ignoreSeq, msgIgnoreWhen)
		emulator.Queues.Skip(t)
		wantSame(t, "Stat", got, want, ignoreSeq, msgIgnoreCTime)
		wantNow(t, "ctime", got.CTime)
	}},
	{"MSG-053", "IPC_SET changes how many bytes the queue may hold, and ctime", func(t *testing.T) {
		q := newQueue(t)
		putInQueue(t, q, "1 hello")
		for _, n := range []int{msgLimits(t).MsgMNB - 1, 100, 5, 1, 0} {
			kit.Must(t, q.SetMaxBytes(n))
			got := queueStat(t, q)
			wantSame(t, "MaxBytes, messages and bytes", []int{got.MaxBytes, got.Messages, got.Bytes}, []int{n, 1, 5})
		}
		kit.Must(t, q.SetMaxBytes(5))
		wantSent(t, q, false, []byte("y"))
		kit.Must(t, q.SetMaxBytes(6))
		wantSent(t, q, true, []byte("y"))
		wantLeft(t, q, "1 hello", "1 y")

		emulator.Mode.Skip(t)
		emulator.Queues.Skip(t)
		want := queueStat(t, q)
		want.MaxBytes = 7
		before := want.CTime
		kit.Eventually(t, "ctime advances", func() bool {
			kit.Must(t, q.SetMaxBytes(7))
			return queueStat(t, q).CTime.After(before)
		})
		wantSame(t, "Stat", queueStat(t, q), want, msgIgnoreCTime)
	}},
	{"MSG-054", "more than MSGMNB takes CAP_SYS_RESOURCE: else EPERM", func(t *testing.T) {
		p, q := ownerOfQueue(t, 0o600)
		most := msgLimits(t).MsgMNB
		was := queueStat(t, q).MaxBytes
		p.want(syscall.EPERM, "set-max-bytes", most+1)
		wantSame(t, "MaxBytes", queueStat(t, q).MaxBytes, was)
		p.want(nil, "set-max-bytes", most-1)
		wantSame(t, "MaxBytes", queueStat(t, q).MaxBytes, most-1)
		p.want(nil, "set-max-bytes", most)
		wantSame(t, "MaxBytes", queueStat(t, q).MaxBytes, most)
	}},
	{"MSG-055", "IPC_SET changes the mode, and leaves the rest", func(t *testing.T) {
		emulator.Mode.Skip(t)
		q := newQueue(t)
		putInQueue(t, q, "1 hello")
		want := queueStat(t, q)
		for _, want.Mode = range []fs.FileMode{0o777, 0o640, 0o400} {
			kit.Must(t, q.SetMode(want.Mode))
			wantSame(t, "Stat", queueStat(t, q), want, msgIgnoreWhen)
		}
	}},
	{"MSG-056", "a removed queue is no more, for any call: kernel's EINVAL, here ErrRemoved", func(t *testing.T) {
		q := newQueueOf(t, newQueueKey(t), 0o600)
		putInQueue(t, q, "1 a")
		kit.Must(t, q.Remove())
		_, err := msg.Open(q.Key(), nil)
		kit.WantError(t, err, fs.ErrNotExist)
		for name, call := range map[string]func() error{
			"msgsnd":   func() error { return q.Send(forever, 1, nil) },
			"msgrcv":   func() error { _, err := q.Receive(forever, msg.Any, nil); return err },
			"MSG_COPY": func() error { _, _, err := q.Peek(0, nil); skipWithoutPeek(t, err); return err },
			"IPC_STAT": func() error { _, err := q.Stat(); return err },
			"IPC_SET":  func() error { return q.SetMode(0o600) },
			"IPC_RMID": q.Remove,
		} {
			t.Run(name, func(t *testing.T) { kit.WantError(t, call(), sysv.ErrRemoved) })
		}
	}},
	{"MSG-059", "an id that names nothing is refused: kernel's EINVAL, here ENOENT; and a command that msgctl has not there is none of", func(t *testing.T) {
		q := newQueue(t)
		kit.Must(t, q.Remove())
		for _, id := range []int{-1, math.MinInt32, math.MaxInt32, q.ID()} {
			_, err := msg.OpenID(id)
			kit.WantError(t, err, fs.ErrNotExist)
		}
	}},
	{"MSG-069", "a line of /proc/sysvipc/msg has 14 columns, which List reads", func(t *testing.T) {
		q := newKeyedQueue(t)
		putInQueue(t, q, "1 hello", "2 you")
		wantTaken(t, q, msg.Type(2), "2 you")
		text, err := os.ReadFile("/proc/sysvipc/msg")
		kit.Must(t, err)
		head, lines, _ := strings.Cut(string(text), "\n")
		wantSame(t, "heading", strings.Fields(head),
			strings.Fields("key msqid perms cbytes qnum lspid lrpid uid gid cuid cgid stime rtime ctime"))
		var line []string
		for l := range strings.Lines(lines) {
			if f := strings.Fields(l); len(f) > 1 && f[1] == strconv.Itoa(q.ID()) {
				line = f
			}
		}
		s := inQueueList(t, listQueues(t), q)
		wantSame(t, "line", line, strings.Fields(fmt.Sprintf("%d %d %o %d %d %d %d %d %d %d %d %d %d %d",
			int32(s.Key), s.ID, uint32(s.Mode), s.Bytes, s.Messages, s.LSPID, s.LRPID,
			s.UID, s.GID, s.CUID, s.CGID, s.STime.Unix(), s.RTime.Unix(), s.CTime.Unix())))
		wantSame(t, "messages and bytes", []int{s.Messages, s.Bytes}, []int{1, 5})
		wantSame(t, "who sent and received", []int{s.LSPID, s.LRPID}, []int{os.Getpid(), os.Getpid()})
		unused := newQueue(t)
		never := inQueueList(t, listQueues(t), unused)
		wantSame(t, "times of never", []time.Time{never.STime, never.RTime}, make([]time.Time, 2))
		emulator.Mode.Skip(t)
		emulator.Queues.Skip(t)
		wantSame(t, "List", s, queueStat(t, q), ignoreSeq)
	}},
}
