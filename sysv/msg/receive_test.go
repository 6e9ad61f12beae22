//go:build linux && !android

package msg_test

import (
	"fmt"
	"math"
	"strings"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"github.com/google/go-cmp/cmp"
)

// Each way of receiving makes the same choice.
func TestSelection(t *testing.T) {
	five := []string{"3 a", "1 b", "2 c", "1 d", "3 e"}
	for _, tt := range []struct {
		sel  msg.Selector
		in   []string
		want string // empty for none
		left []string
	}{
		{msg.Any, five, "3 a", []string{"1 b", "2 c", "1 d", "3 e"}},
		{msg.Any, nil, "", nil},
		{msg.Selector{}, five, "3 a", []string{"1 b", "2 c", "1 d", "3 e"}},
		{msg.Type(1), five, "1 b", []string{"3 a", "2 c", "1 d", "3 e"}},
		{msg.Type(2), five, "2 c", []string{"3 a", "1 b", "1 d", "3 e"}},
		{msg.Type(3), five, "3 a", []string{"1 b", "2 c", "1 d", "3 e"}},
		{msg.Type(4), five, "", five},
		{msg.UpTo(1), five, "1 b", []string{"3 a", "2 c", "1 d", "3 e"}},
		{msg.UpTo(9), five, "1 b", []string{"3 a", "2 c", "1 d", "3 e"}},
		{msg.UpTo(math.MaxInt), five, "1 b", []string{"3 a", "2 c", "1 d", "3 e"}},
		{msg.UpTo(2), []string{"3 a", "2 b", "2 c"}, "2 b", []string{"3 a", "2 c"}},
		{msg.UpTo(3), []string{"3 a", "3 b", "2 c"}, "2 c", []string{"3 a", "3 b"}},
		{msg.UpTo(2), []string{"3 a", "5 b"}, "", []string{"3 a", "5 b"}},
		{msg.Except(3), five, "1 b", []string{"3 a", "2 c", "1 d", "3 e"}},
		{msg.Except(1), five, "3 a", []string{"1 b", "2 c", "1 d", "3 e"}},
		{msg.Except(9), five, "3 a", []string{"1 b", "2 c", "1 d", "3 e"}},
		{msg.Except(1), []string{"1 a", "1 b"}, "", []string{"1 a", "1 b"}},
		{msg.Type(2), []string{"2 "}, "2 ", nil},
	} {
		for name, receive := range map[string]func(*msg.Queue) (msg.Message, bool, error){
			"TryReceive": func(q *msg.Queue) (msg.Message, bool, error) { return q.TryReceive(tt.sel, make([]byte, 1)) },
			"TryReceive of a long buffer": func(q *msg.Queue) (msg.Message, bool, error) {
				return q.TryReceive(tt.sel, make([]byte, 1000))
			},
			"TryReceive to truncate": func(q *msg.Queue) (msg.Message, bool, error) {
				return q.TryReceive(tt.sel.Truncate(), make([]byte, 1))
			},
			"TryNext": func(q *msg.Queue) (msg.Message, bool, error) { return q.TryNext(tt.sel) },
			"Receive": func(q *msg.Queue) (msg.Message, bool, error) {
				m, err := q.Receive(briefIf(t, tt.want == ""), tt.sel, make([]byte, 1))
				return m, err == nil, nil
			},
			"Next": func(q *msg.Queue) (msg.Message, bool, error) {
				m, err := q.Next(briefIf(t, tt.want == ""), tt.sel)
				return m, err == nil, nil
			},
		} {
			t.Run(fmt.Sprintf("%v of %v/%s", tt.sel, tt.in, name), func(t *testing.T) {
				q := newQueue(t)
				send(t, q, tt.in...)
				m, ok, err := receive(q)
				kit.Must(t, err)
				got := ""
				if ok {
					got = text(m)
				} else if diff := cmp.Diff(msg.Message{}, m); diff != "" {
					t.Errorf("a message beside false: %s", diff)
				}
				if got != tt.want {
					t.Errorf("got %q, want %q", got, tt.want)
				}
				wantLeft(t, q, tt.left...)
			})
		}
	}
}

func TestOrderIsKept(t *testing.T) {
	q := newQueue(t)
	var all, odd, even []string
	for i := range 200 {
		s := fmt.Sprintf("%d %d", i%2+1, i)
		send(t, q, s)
		all = append(all, s)
		if i%2 == 0 {
			odd = append(odd, s)
		} else {
			even = append(even, s)
		}
	}
	var got []string
	for range even {
		m, err := q.Next(bg, msg.Type(2))
		kit.Must(t, err)
		got = append(got, text(m))
	}
	if diff := cmp.Diff(even, got); diff != "" {
		t.Errorf("one type (-want +got):\n%s", diff)
	}
	wantLeft(t, q, odd...)
	send(t, q, all...)
	wantLeft(t, q, all...)
}

func TestSelectorsAreValues(t *testing.T) {
	for want, sel := range map[string]msg.Selector{
		"any":                        msg.Any,
		"type 3":                     msg.Type(3),
		"types up to 5":              msg.UpTo(5),
		"all types but 2":            msg.Except(2),
		"any, truncated":             msg.Any.Truncate(),
		"all types but 2, truncated": msg.Except(2).Truncate().Truncate(),
	} {
		if sel.String() != want {
			t.Errorf("%q, want %q", sel, want)
		}
	}
	three := msg.Type(3)
	if (msg.Selector{}) != msg.Any || three != msg.Type(3) || three == msg.UpTo(3) || three == three.Truncate() {
		t.Error("selectors that say the same are equal, and others are not")
	}
}

func TestSelectorsOfNoType(t *testing.T) {
	q := newQueue(t)
	send(t, q, "1 a")
	for _, sel := range []msg.Selector{msg.Type(0), msg.Type(-1), msg.UpTo(0), msg.UpTo(-1), msg.Except(0), msg.Except(-1),
		msg.Type(math.MinInt), msg.UpTo(math.MinInt), msg.Type(0).Truncate()} {
		hint := fmt.Sprintf("selector of %v: a message has a type of 1 or more", sel)
		_, err := q.Receive(bg, sel, nil)
		kit.WantHint(t, err, syscall.EINVAL, hint)
		_, _, err = q.TryReceive(sel, nil)
		kit.WantHint(t, err, syscall.EINVAL, hint)
		_, err = q.Next(bg, sel)
		kit.WantHint(t, err, syscall.EINVAL, hint)
		_, _, err = q.TryNext(sel)
		kit.WantHint(t, err, syscall.EINVAL, hint)
	}
	wantLeft(t, q, "1 a")
}

func TestTooLongForTheBuffer(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 200, 4999} {
		q := newQueue(t)
		long := "2 " + strings.Repeat("x", 5000)
		send(t, q, "1 first", long, "2 after")
		hint := fmt.Sprintf("longer than the %d bytes of the buffer, and stays", n)
		m, err := q.Receive(bg, msg.Type(2), make([]byte, n))
		kit.WantHint(t, err, syscall.E2BIG, hint)
		if diff := cmp.Diff(msg.Message{}, m); diff != "" {
			t.Errorf("a message beside an error: %s", diff)
		}
		_, ok, err := q.TryReceive(msg.Type(2), make([]byte, n))
		kit.WantHint(t, err, syscall.E2BIG, hint)
		if ok {
			t.Error("true beside an error")
		}
		wantLeft(t, q, "1 first", long, "2 after")
	}
}

func TestTruncate(t *testing.T) {
	q := newQueue(t)
	for _, tt := range []struct{ length, room int }{
		{0, 0}, {1, 0}, {5, 0}, {0, 3}, {2, 3}, {3, 3}, {4, 3}, {100, 3},
		{127, 127}, {128, 127}, {127, 128}, {128, 128}, {129, 128}, {1000, 128}, {1000, 999}, {1000, 1000}, {8192, 8191}, {8192, 8192},
	} {
		data := strings.Repeat("0123456789", tt.length/10+1)[:tt.length]
		want := "7 " + data[:min(tt.length, tt.room)]
		if tt.length > tt.room {
			want += "..."
		}
		for name, receive := range map[string]func(buf []byte) (msg.Message, error){
			"Receive": func(buf []byte) (msg.Message, error) { return q.Receive(bg, msg.Type(7).Truncate(), buf) },
			"TryReceive": func(buf []byte) (msg.Message, error) {
				m, _, err := q.TryReceive(msg.Type(7).Truncate(), buf)
				return m, err
			},
			"Receive that waits": func(buf []byte) (msg.Message, error) {
				drain(t, q)
				wait := kit.Async(t, func() (r result) { r.m, r.err = q.Receive(bg, msg.Any.Truncate(), buf); return r })
				awaitBlocked(t, 1)
				send(t, q, "7 "+data)
				r := wait()
				return r.m, r.err
			},
		} {
			send(t, q, "7 "+data)
			buf := filled(tt.room+1, 0xee)
			m, err := receive(buf[:tt.room])
			kit.Must(t, err)
			if got := text(m); got != want {
				t.Errorf("%s, %d bytes into %d: got %.100q, want %.100q", name, tt.length, tt.room, got, want)
			}
			if buf[tt.room] != 0xee {
				t.Errorf("%s, %d bytes into %d: wrote past the buffer", name, tt.length, tt.room)
			}
			wantLeft(t, q) // the rest is lost
		}
	}
}

// result is what Receive and Next return.
type result struct {
	m   msg.Message
	err error
}

// Next is given no length, and its messages share nothing.
func TestNext(t *testing.T) {
	q := newQueue(t)
	var want []string
	for _, n := range []int{0, 1, 128, 129, 8192, 3} {
		text := "4 " + strings.Repeat("n", n)
		send(t, q, text)
		want = append(want, text)
	}
	var got []msg.Message
	for i := range want {
		sel := msg.Any
		if i%2 == 1 {
			sel = msg.Type(4).Truncate() // of which Next takes no notice
		}
		m, err := q.Next(bg, sel)
		kit.Must(t, err)
		if m.Data == nil {
			t.Error("Data is nil")
		}
		got = append(got, m)
	}
	for i, m := range got {
		if text(m) != want[i] {
			t.Errorf("message %d is %.100q, want %.100q", i, text(m), want[i])
		}
	}
}

func TestPeek(t *testing.T) {
	q := newQueue(t)
	in := []string{"3 first", "1 second", "3 ", "2 " + strings.Repeat("x", 5000)}
	send(t, q, in...)
	before := statOf(t, q)
	for range 2 {
		for i, want := range in {
			buf := filled(6000, 0xee)
			m, ok, err := q.Peek(i, buf)
			needPeek(t, err)
			if !ok || text(m) != want || m.Truncated {
				t.Errorf("at %d: %.100q, %v, want %.100q", i, text(m), ok, want)
			}
		}
		for _, i := range []int{len(in), len(in) + 1, math.MaxInt} {
			if m, ok, err := q.Peek(i, make([]byte, 10)); ok || err != nil || m.Data != nil {
				t.Errorf("at %d: %+v, %v, %v", i, m, ok, err)
			}
		}
	}
	if diff := cmp.Diff(before, statOf(t, q)); diff != "" {
		t.Errorf("Peek changed the queue (-before +after):\n%s", diff)
	}
	for _, n := range []int{0, 4, 4999} {
		_, ok, err := q.Peek(3, make([]byte, n))
		kit.WantHint(t, err, syscall.E2BIG, fmt.Sprintf("longer than the %d bytes of the buffer", n))
		if ok {
			t.Error("true beside an error")
		}
	}
	_, _, err := q.Peek(-1, nil)
	kit.WantHint(t, err, syscall.EINVAL, "position -1 is negative")
	wantLeft(t, q, in...)
}

func needPeek(t *testing.T, err error) {
	t.Helper()
	if outcome(err) == "ENOSYS" && !emulator.Running() {
		t.Skipf("skipping: %v: run on a kernel with it", err)
	}
	kit.Must(t, err)
}
