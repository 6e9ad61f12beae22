//go:build linux && !android

package msg_test

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"reflect"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
)

// methods are all methods that ask the kernel, in an order in which each can
// succeed on a queue of five empty messages. Those that change its permissions
// come last.
var methods = kit.Methods[*msg.Queue]{
	{"Stat", func(q *msg.Queue) error { _, err := q.Stat(); return err }},
	{"Peek", func(q *msg.Queue) error { _, _, err := q.Peek(0, make([]byte, 9)); return err }},
	{"Send", func(q *msg.Queue) error { return q.Send(bg, 1, nil) }},
	{"Send of many bytes", func(q *msg.Queue) error { return q.Send(bg, 1, make([]byte, 999)) }},
	{"TrySend", func(q *msg.Queue) error { _, err := q.TrySend(1, nil); return err }},
	{"Receive", func(q *msg.Queue) error { _, err := q.Receive(bg, msg.Any, make([]byte, 9)); return err }},
	{"Receive of many bytes", func(q *msg.Queue) error { _, err := q.Receive(bg, msg.Any, make([]byte, 999)); return err }},
	{"TryReceive", func(q *msg.Queue) error { _, _, err := q.TryReceive(msg.Any, make([]byte, 999)); return err }},
	{"Next", func(q *msg.Queue) error { _, err := q.Next(bg, msg.Any); return err }},
	{"TryNext", func(q *msg.Queue) error { _, _, err := q.TryNext(msg.Any); return err }},
	{"SetMaxBytes", func(q *msg.Queue) error { return q.SetMaxBytes(5000) }},
	{"SetPerm", func(q *msg.Queue) error { return q.SetPerm(uint32(os.Geteuid()), uint32(os.Getegid()), 0o600) }},
	{"SetMode", func(q *msg.Queue) error { return q.SetMode(0o600) }},
	{"Remove", func(q *msg.Queue) error { return q.Remove() }},
}

func TestMethodsAreComplete(t *testing.T) {
	known := map[string]bool{"ID": true, "Key": true}
	for _, m := range methods {
		known[strings.Fields(m.Name)[0]] = true
	}
	typ := reflect.TypeFor[*msg.Queue]()
	for i := range typ.NumMethod() {
		if name := typ.Method(i).Name; !known[name] {
			t.Errorf("%s is not in the table of methods", name)
		}
	}
}

func TestEveryMethodSaysThatTheQueueIsRemoved(t *testing.T) {
	q := newQueue(t)
	kit.Must(t, openID(t, q.ID()).Remove())
	if diff := cmp.Diff(methods.All(sysv.ErrRemoved.Error(), nil), methods.Outcomes(q, outcome)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	kit.WantHint(t, q.Remove(), sysv.ErrRemoved, "ipcrm")
	for _, stat := range list(t) {
		if stat.ID == q.ID() {
			t.Error("the queue is still in the list")
		}
	}
}

// methodsHelper opens the queue of a key and prints how each method goes.
var methodsHelper = sysvtest.Helper("methods", func(args []string) error {
	key, err := sysv.ParseKey(args[0])
	if err != nil {
		return err
	}
	q, err := msg.Open(key, nil)
	if err != nil {
		return err
	}
	kit.PrintOutcomes(methods.Outcomes(q, outcome))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
})

// callAllOrdinary calls all methods in an ordinary user's process.
func callAllOrdinary(t *testing.T, key sysv.Key) map[string]string {
	t.Helper()
	p := sysvtest.StartCommand(t, kit.Ordinary(sysvtest.Command(methodsHelper, key.String())))
	got := kit.ReadOutcomes(p.Line)
	p.Finish()
	return got
}

var (
	reads  = []string{"Stat", "Peek", "Receive", "Receive of many bytes", "TryReceive", "Next", "TryNext"}
	writes = []string{"Send", "Send of many bytes", "TrySend"}
)

func with(what string, names ...[]string) map[string]string {
	result := make(map[string]string)
	for _, list := range names {
		for _, name := range list {
			result[name] = what
		}
	}
	return result
}

func TestOwnerIsBoundByTheMode(t *testing.T) {
	emulator.Mode.Skip(t)
	for _, tt := range []struct {
		mode   fs.FileMode
		except map[string]string
	}{
		{0o600, nil},
		{0o400, with("EACCES", writes)},
		{0o200, with("EACCES", reads)},
		{0o000, with("EACCES", reads, writes)}, // and yet the owner can have it back
		{0o077, with("EACCES", reads, writes)},
	} {
		t.Run(fmt.Sprintf("%#o", uint32(tt.mode)), func(t *testing.T) {
			if tt.mode&0o400 == 0 {
				emulator.StatAny.Skip(t) // without it the owner can't
			}
			key := newKey(t)
			q := makeQueue(t, key, nil)
			send(t, q, "1 ", "1 ", "1 ", "1 ", "1 ")
			if os.Geteuid() == 0 {
				kit.Must(t, q.SetPerm(kit.Nobody, kit.Nobody, tt.mode))
			} else {
				kit.Must(t, q.SetMode(tt.mode))
			}
			if diff := cmp.Diff(methods.All("ok", tt.except), callAllOrdinary(t, key)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestStrangerIsBoundByTheMode(t *testing.T) {
	kit.NeedRoot(t, "can be two users")
	admin := []string{"SetMaxBytes", "SetPerm", "SetMode", "Remove"}
	for _, tt := range []struct {
		mode fs.FileMode
		may  [][]string
	}{
		{0o600, nil},
		{0o660, nil},
		{0o604, [][]string{reads}},
		{0o602, [][]string{writes}},
		{0o606, [][]string{reads, writes}},
	} {
		t.Run(fmt.Sprintf("%#o", uint32(tt.mode)), func(t *testing.T) {
			if tt.mode&0o004 == 0 {
				emulator.StatAny.Skip(t) // else it is EACCES that keeps him from IPC_SET
			}
			key := newKey(t)
			q := makeQueue(t, key, &msg.Config{Mode: tt.mode})
			send(t, q, "1 ", "1 ", "1 ", "1 ", "1 ")
			want := methods.All("EACCES", with("EPERM", admin))
			for name := range with("ok", tt.may...) {
				want[name] = "ok"
			}
			if diff := cmp.Diff(want, callAllOrdinary(t, key)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// EACCES and EPERM, which the tables above tell apart, are both refusals, and
// the hint says by whom.
func TestRefusalsSayWhoseTheQueueIs(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("skipping: root is refused nothing: run the test as another user too")
	}
	q := newQueue(t)
	kit.Must(t, q.SetMode(0))
	_, err := q.Receive(bg, msg.Any, nil)
	kit.WantHint(t, err, fs.ErrPermission, fmt.Sprintf("owned by uid %d", os.Geteuid()), "mode 0")
	kit.WantHint(t, q.Send(bg, 1, nil), fs.ErrPermission, "mode 0")
}
