//go:build linux && !android

package msg_test

import (
	"context"
	"fmt"
	"io/fs"
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
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var ignoreTimes = cmpopts.IgnoreFields(msg.Stat{}, "STime", "RTime", "CTime")

// ignoreSeq is for comparing with lists, which don't have it.
var ignoreSeq = cmpopts.IgnoreFields(sysv.Perm{}, "Seq")

// sendsAndReceives sends a message and receives it.
var sendsAndReceives = sysvtest.Helper("sends and receives", func(args []string) error {
	q, _, err := queueAndNumbers(args)
	if err != nil {
		return err
	}
	if _, err := q.TrySend(1, []byte("x")); err != nil {
		return err
	}
	_, _, err = q.TryNext(msg.Any)
	return err
})

func TestStat(t *testing.T) {
	key := newKey(t)
	q := makeQueue(t, key, &msg.Config{Mode: 0o640, MaxBytes: 1000})
	other := sysvtest.Command(sendsAndReceives, strconv.Itoa(q.ID()))
	emulator.Mode.Skip(t)
	emulator.Queues.Skip(t)
	uid, gid := uint32(os.Geteuid()), uint32(os.Getegid())
	want := msg.Stat{
		ID:       q.ID(),
		Perm:     sysv.Perm{Key: key, UID: uid, GID: gid, CUID: uid, CGID: gid, Mode: 0o640},
		MaxBytes: 1000,
	}
	check := func(when string, set ...func(msg.Stat) time.Time) {
		t.Helper()
		got := statOf(t, q)
		if diff := cmp.Diff(want, got, ignoreTimes, ignoreSeq); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
		unset := 3
		for _, time := range set {
			if recent(time(got)) {
				unset--
			}
		}
		for _, v := range []time.Time{got.STime, got.RTime, got.CTime} {
			if v.IsZero() {
				unset--
			}
		}
		if unset != 0 {
			t.Errorf("%s: STime %v, RTime %v, CTime %v", when, got.STime, got.RTime, got.CTime)
		}
	}
	stime := func(s msg.Stat) time.Time { return s.STime }
	rtime := func(s msg.Stat) time.Time { return s.RTime }
	ctime := func(s msg.Stat) time.Time { return s.CTime }

	check("new", ctime)
	send(t, q, "1 four", "1 ", "2 sixsix")
	want.Messages, want.Bytes, want.LSPID = 3, 10, os.Getpid()
	check("sent", ctime, stime)
	_, _, err := q.TryNext(msg.Any)
	kit.Must(t, err)
	want.Messages, want.Bytes, want.LRPID = 2, 6, os.Getpid()
	check("received", ctime, stime, rtime)
	_, _, err = q.Peek(0, make([]byte, 100))
	needPeek(t, err)
	check("looked at", ctime, stime, rtime)

	p := sysvtest.StartCommand(t, other)
	p.Finish()
	want.LSPID, want.LRPID = p.Process.Pid, p.Process.Pid
	want.Messages, want.Bytes = 2, 7
	check("used by another process", ctime, stime, rtime)
}

func recent(when time.Time) bool {
	ago := time.Since(when)
	return ago > -time.Minute && ago < time.Minute
}

// A receiver that waits is taken down by its thread. The documentation of LRPID
// is to be changed if this fails.
func TestLastReceiverIsAThread(t *testing.T) {
	emulator.Queues.Skip(t)
	q := newQueue(t)
	wait := kit.Async(t, receiveText(bg, q, msg.Any))
	awaitBlocked(t, 1)
	send(t, q, "1 a")
	wait()
	lrpid := statOf(t, q).LRPID
	if _, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", lrpid)); err != nil {
		t.Errorf("LRPID %d is no thread of this process: %v", lrpid, err)
	}
	if lrpid == os.Getpid() {
		t.Log("LRPID is the process: it was the main thread, or the kernel has changed")
	}
}

func TestList(t *testing.T) {
	emulator.Mode.Skip(t)
	var want []msg.Stat
	known := make(map[int]bool)
	for _, stat := range list(t) {
		known[stat.ID] = true
	}
	for n := range 3 {
		q := newQueue(t)
		kit.Must(t, q.SetMaxBytes(1000+n))
		send(t, q, "1 "+string(filled(n, 'x')))
		want = append(want, statOf(t, q))
	}
	secret := makeQueue(t, sysv.Private, &msg.Config{Mode: 0o200, MaxBytes: 77}) // of which an owner can't have a Stat
	var got []msg.Stat
	seen := false
	for _, stat := range list(t) {
		switch {
		case stat.ID == secret.ID():
			seen = true
			if stat.Mode != 0o200 || stat.MaxBytes != 77 && !emulator.Running() {
				t.Errorf("queue that its owner may not read: %+v", stat)
			}
		case !known[stat.ID]:
			got = append(got, stat)
		}
	}
	sorted := cmpopts.SortSlices(func(a, b msg.Stat) bool { return a.ID < b.ID })
	ignore := cmp.Options{ignoreSeq, sorted}
	if emulator.Running() {
		ignore = append(ignore, ignoreTimes, cmpopts.IgnoreFields(msg.Stat{}, "LSPID", "LRPID"))
	}
	if diff := cmp.Diff(want, got, ignore); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	if !seen {
		t.Error("the queue that its owner may not read is not in the list")
	}
}

func TestLimitsAreTheSysctls(t *testing.T) {
	got, err := msg.Limits()
	kit.Must(t, err)
	for name, v := range map[string]int{"msgmax": got.MsgMax, "msgmnb": got.MsgMNB, "msgmni": got.MsgMNI} {
		text, err := os.ReadFile("/proc/sys/kernel/" + name)
		kit.Must(t, err)
		if want := string(text); fmt.Sprintln(v) != want {
			t.Errorf("%s is %d, want %s", name, v, want)
		}
	}
}

func TestUsage(t *testing.T) {
	usage := func() msg.SystemUsage {
		t.Helper()
		u, err := msg.Usage()
		kit.Must(t, err)
		return u
	}
	before := usage()
	q := newQueue(t)
	send(t, q, "1 four", "1 ", "1 "+string(filled(500, 'x')))
	want := msg.SystemUsage{Queues: before.Queues + 1, Messages: before.Messages + 3, Bytes: before.Bytes + 504}
	if diff := cmp.Diff(want, usage()); diff != "" {
		t.Errorf("with a queue (-want +got):\n%s", diff)
	}
	kit.Must(t, q.Remove())
	if diff := cmp.Diff(before, usage()); diff != "" {
		t.Errorf("without it (-want +got):\n%s", diff)
	}
}

// IPC_SET sets everything at once.
func TestEachSettingKeepsTheRest(t *testing.T) {
	emulator.Mode.Skip(t)
	emulator.Queues.Skip(t)
	q := newQueue(t)
	send(t, q, "1 a", "2 b")
	want := statOf(t, q)
	check := func(what string, err error) {
		t.Helper()
		kit.Must(t, err)
		got := statOf(t, q)
		if diff := cmp.Diff(want, got, ignoreTimes); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", what, diff)
		}
		if !recent(got.CTime) {
			t.Errorf("after %s: CTime %v", what, got.CTime)
		}
	}
	want.MaxBytes = 3000
	check("SetMaxBytes", q.SetMaxBytes(3000))
	want.MaxBytes = 1 // below what is in it
	check("SetMaxBytes", q.SetMaxBytes(1))
	want.Mode = 0o666
	check("SetMode", q.SetMode(0o666))
	if want.UID == 0 {
		want.UID, want.GID, want.Mode = kit.Nobody, kit.Nobody, 0o660
		check("SetPerm", q.SetPerm(kit.Nobody, kit.Nobody, 0o660))
		want.Mode = 0o664
		check("SetMode", q.SetMode(0o664))
		want.MaxBytes = 20
		check("SetMaxBytes", q.SetMaxBytes(20))
	}
	wantLeft(t, q, "1 a", "2 b")
}

func TestSettingsRefused(t *testing.T) {
	q := newQueue(t)
	want := statOf(t, q)
	const none = 1<<32 - 1
	kit.WantHint(t, q.SetPerm(none, want.GID, 0o600), syscall.EINVAL, "uid 4294967295 or gid")
	kit.WantHint(t, q.SetPerm(want.UID, none, 0o600), syscall.EINVAL, "or gid 4294967295")
	for _, mode := range []fs.FileMode{0o1600, 0o4600, fs.ModeDir | 0o600} {
		kit.WantHint(t, q.SetPerm(want.UID, want.GID, mode), syscall.EINVAL, "0o777")
		kit.WantHint(t, q.SetMode(mode), syscall.EINVAL, "0o777")
	}
	kit.WantHint(t, q.SetMaxBytes(-1), syscall.EINVAL, "MaxBytes of -1 is negative")
	if diff := cmp.Diff(want, statOf(t, q)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestMaxBytesAboveMsgmnb(t *testing.T) {
	withoutResource(t)
	limits, err := msg.Limits()
	kit.Must(t, err)
	q := newQueue(t)
	before := statOf(t, q)
	kit.WantHint(t, q.SetMaxBytes(limits.MsgMNB+1), fs.ErrPermission,
		fmt.Sprintf("MaxBytes of %d is above %d (kernel.msgmnb), which needs CAP_SYS_RESOURCE", limits.MsgMNB+1, limits.MsgMNB))
	if diff := cmp.Diff(before, statOf(t, q)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	kit.Must(t, q.SetMaxBytes(limits.MsgMNB))
}

// A receiver whose message is gone by the time that it gets to it waits for the
// next.
func TestPeekDoesNotWait(t *testing.T) {
	q := newQueue(t)
	ctx, cancel := context.WithCancel(t.Context())
	wait := kit.Async(t, receiveText(ctx, q, msg.Any))
	awaitBlocked(t, 1)
	if _, ok, err := q.Peek(0, nil); ok || err != nil {
		needPeek(t, err)
		t.Error("there is a message")
	}
	cancel()
	if got := wait(); !strings.Contains(got, context.Canceled.Error()) {
		t.Errorf("got %q", got)
	}
}
