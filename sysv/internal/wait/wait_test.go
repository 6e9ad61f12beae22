//go:build linux && !android

package wait_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"example.com/sysvipc/sysv/internal/sys"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/internal/wait"
	"example.com/sysvipc/sysv/sysvtest"
)

func TestMain(m *testing.M) { sysvtest.Main(m) }

func newSet(t *testing.T, values ...uint16) int {
	t.Helper()
	id, err := sys.Semget(sys.IPC_PRIVATE, len(values), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sys.Semctl(id, 0, sys.IPC_RMID) })
	if err := sys.SemSetall(id, values); err != nil {
		t.Fatal(err)
	}
	return id
}

// lateContext is one whose deadline passes before its Err says so, as that of
// a context does for an instant, but for as long as the test likes.
type lateContext struct {
	context.Context
	deadline time.Time
}

func (c lateContext) Deadline() (time.Time, bool) { return c.deadline, true }

// A maker makes a context when its test begins, so that a deadline is still to come.
type maker func(t *testing.T) context.Context

func endless(*testing.T) context.Context { return context.Background() }

func never(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	return ctx
}

func cancelled(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func deadline(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// late makes a lateContext with this time left.
func late(parent maker, left time.Duration) maker {
	return func(t *testing.T) context.Context { return lateContext{parent(t), time.Now().Add(left)} }
}

const soon = 20 * time.Millisecond

func TestSemop(t *testing.T) {
	overflow := []sys.Sembuf{{Op: 1}, {Op: 32767}}

	for _, tt := range []struct {
		name   string
		ctx    maker
		values []uint16
		ops    []sys.Sembuf
		err    error
		after  []uint16
	}{
		{"succeeds", never, []uint16{2, 3}, []sys.Sembuf{{Op: -2}, {Num: 1, Op: 1}}, nil, []uint16{0, 4}},
		{"succeeds without an end", endless, []uint16{2}, []sys.Sembuf{{Op: -2}}, nil, []uint16{0}},
		{"would wait with IPC_NOWAIT", never, []uint16{1}, []sys.Sembuf{{Op: -2, Flg: sys.IPC_NOWAIT}}, sys.EAGAIN, []uint16{1}},
		{"would wait with IPC_NOWAIT, without an end", endless, []uint16{1}, []sys.Sembuf{{Op: -2, Flg: sys.IPC_NOWAIT}}, sys.EAGAIN, []uint16{1}},
		{"would wait with IPC_NOWAIT, before a deadline", late(never, time.Hour), []uint16{1}, []sys.Sembuf{{Op: -2, Flg: sys.IPC_NOWAIT}}, sys.EAGAIN, []uint16{1}},
		{"is refused", never, []uint16{1}, overflow, sys.ERANGE, []uint16{1}},
		{"has ended before", cancelled, []uint16{1}, []sys.Sembuf{{Op: -1}}, context.Canceled, []uint16{1}},
		{"ends at a deadline", deadline, []uint16{1}, []sys.Sembuf{{Op: -2}}, context.DeadlineExceeded, []uint16{1}},
		{"ends at a deadline that the context is late to notice", late(never, soon), []uint16{1}, []sys.Sembuf{{Op: -2}}, context.DeadlineExceeded, []uint16{1}},
		{"ends at the deadline of a context that is never done", late(endless, soon), []uint16{1}, []sys.Sembuf{{Op: -2}}, context.DeadlineExceeded, []uint16{1}},
		{"ends at a deadline beside an operation with IPC_NOWAIT", deadline, []uint16{1}, []sys.Sembuf{{Op: 1, Flg: sys.IPC_NOWAIT}, {Op: -3}}, context.DeadlineExceeded, []uint16{1}},
		{"ends at one that is over", late(never, -time.Hour), []uint16{1}, []sys.Sembuf{{Op: -2}}, context.DeadlineExceeded, []uint16{1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id := newSet(t, tt.values...)
			within(t, func() error { return wait.Semop(tt.ctx(t), id, tt.ops) }, tt.err, func() {})
			got := make([]uint16, len(tt.values))
			if err := sys.SemGetall(id, got); err != nil || !slices.Equal(got, tt.after) {
				t.Errorf("values %v, want %v (%v)", got, tt.after, err)
			}
		})
	}
}

func awaitWaiter(t *testing.T, id int) {
	t.Helper()
	kit.Eventually(t, "one waits", func() bool { return kit.Number(t)(sys.Semctl(id, 0, sys.GETNCNT)) == 1 })
}

// Each wait takes its semaphore, is cancelled in the middle of waiting, or meets
// the removal of the set.
func TestSemopReportsHowItEnded(t *testing.T) {
	for _, tt := range []struct {
		name string
		end  func(id int, cancel func())
		err  error
	}{
		{"woken", func(id int, cancel func()) { sys.SemSetval(id, 0, 1) }, nil},
		{"cancelled", func(id int, cancel func()) { cancel() }, context.Canceled},
		{"removed", func(id int, cancel func()) { sys.Semctl(id, 0, sys.IPC_RMID) }, sys.EIDRM},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id := newSet(t, 0)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			within(t, func() error { return wait.Semop(ctx, id, []sys.Sembuf{{Op: -1}}) }, tt.err, func() {
				awaitWaiter(t, id)
				tt.end(id, cancel)
			})
		})
	}
}

// gapContext ends right after Semop has found that it has not.
type gapContext struct {
	context.Context
	cancel context.CancelFunc
}

func (c gapContext) Err() error {
	err := c.Context.Err()
	if err == nil {
		c.cancel()
		time.Sleep(20 * time.Millisecond) // for the first signals to come, in vain
	}
	return err
}

func TestCancellationBetweenTheCheckAndTheCall(t *testing.T) {
	id := newSet(t, 0)
	ctx, cancel := context.WithCancel(t.Context())
	call := func() error { return wait.Semop(gapContext{ctx, cancel}, id, []sys.Sembuf{{Op: -1}}) }
	within(t, call, context.Canceled, func() {})
}

func newQueue(t *testing.T, qbytes uint64, texts ...string) int {
	t.Helper()
	id, err := sys.Msgget(sys.IPC_PRIVATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { sys.MsgRemove(id) })
	st, err := sys.MsgStat(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := sys.MsgSet(id, st.UID, st.GID, 0o600, qbytes); err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		sendText(t, id, text)
	}
	return id
}

func sendText(t *testing.T, id int, text string) {
	t.Helper()
	m := message(text)
	if errno := sys.MsgsndNoWait(id, m, len(text)); errno != 0 {
		t.Error(errno)
	}
}

// message is one of type 5.
func message(text string) sys.Msgbuf {
	m := sys.NewMsgbuf(len(text))
	m[0] = 5
	copy(m.Bytes(), text)
	return m
}

// drain takes what is left in the queue.
func drain(t *testing.T, id int) (texts []string) {
	t.Helper()
	m := sys.NewMsgbuf(100)
	for {
		n, errno := sys.MsgrcvNoWait(id, m, 100, 0, 0)
		if errno == sys.ENOMSG {
			return texts
		}
		if errno != 0 {
			t.Fatal(errno)
		}
		texts = append(texts, string(m.Bytes()[:n]))
	}
}

// A transfer sends "new" to a queue of 3 bytes, or receives from it.
type transfer struct {
	name  string
	call  func(ctx context.Context, id int) error
	stuck []string // what is in the queue when it has to wait
	ready []string // when it hasn't
	after []string // in the end, from ready
	help  func(t *testing.T, id int)
}

var transfers = []transfer{
	{"Msgsnd", func(ctx context.Context, id int) error { return wait.Msgsnd(ctx, id, message("new"), 3) },
		[]string{"abc"}, nil, []string{"new"}, func(t *testing.T, id int) { drain(t, id) }},
	{"Msgrcv", func(ctx context.Context, id int) error {
		m := sys.NewMsgbuf(10)
		n, err := wait.Msgrcv(ctx, id, m, 10, 5, 0)
		if err == nil && (string(m.Bytes()[:n]) != "abc" || m[0] != 5) {
			return sys.EINVAL
		}
		return err
	}, nil, []string{"abc"}, nil, func(t *testing.T, id int) { sendText(t, id, "abc") }},
}

func TestMessages(t *testing.T) {
	for _, tr := range transfers {
		for _, tt := range []struct {
			name  string
			ctx   maker
			ready bool
			err   error
		}{
			{"succeeds", never, true, nil},
			{"succeeds without an end", endless, true, nil},
			{"succeeds before a deadline", late(never, time.Hour), true, nil},
			{"has ended before", cancelled, true, context.Canceled},
			{"ends at a deadline", deadline, false, context.DeadlineExceeded},
			{"ends at a deadline that the context is late to notice", late(never, soon), false, context.DeadlineExceeded},
			{"ends at the deadline of a context that is never done", late(endless, soon), false, context.DeadlineExceeded},
			{"ends at one that is over", late(never, -time.Hour), true, context.DeadlineExceeded},
		} {
			t.Run(tr.name+" "+tt.name, func(t *testing.T) {
				in, want := tr.stuck, tr.stuck
				if tt.ready {
					in, want = tr.ready, tr.ready
				}
				if tt.err == nil {
					want = tr.after
				}
				id := newQueue(t, 3, in...)
				ctx := tt.ctx(t)
				within(t, func() error { return tr.call(ctx, id) }, tt.err, func() {})
				if d, ok := ctx.Deadline(); ok && !tt.ready && time.Now().Before(d) {
					t.Error("ended before its deadline")
				}
				if got := drain(t, id); !slices.Equal(got, want) {
					t.Errorf("%q is in the queue, want %q", got, want)
				}
			})
		}
	}
}

// Each is in the middle of waiting, as far as a pause can tell.
func TestMessagesReportHowTheyEnded(t *testing.T) {
	for _, tr := range transfers {
		for _, tt := range []struct {
			name string
			end  func(t *testing.T, id int, cancel func())
			err  error
		}{
			{"woken", func(t *testing.T, id int, cancel func()) { tr.help(t, id) }, nil},
			{"cancelled", func(t *testing.T, id int, cancel func()) { cancel() }, context.Canceled},
			{"removed", func(t *testing.T, id int, cancel func()) { sys.MsgRemove(id) }, sys.EIDRM},
		} {
			t.Run(tr.name+" "+tt.name, func(t *testing.T) {
				id := newQueue(t, 3, tr.stuck...)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				within(t, func() error { return tr.call(ctx, id) }, tt.err, func() {
					time.Sleep(20 * time.Millisecond)
					tt.end(t, id, cancel)
				})
			})
		}
		t.Run(tr.name+" cancelled between the check and the call", func(t *testing.T) {
			id := newQueue(t, 3, tr.stuck...)
			ctx, cancel := context.WithCancel(t.Context())
			within(t, func() error { return tr.call(gapContext{ctx, cancel}, id) }, context.Canceled, func() {})
		})
	}
}

func TestPause(t *testing.T) {
	for _, tt := range []struct {
		name string
		ctx  maker
		d    time.Duration
		want error
	}{
		{"of a context without an end", endless, time.Millisecond, nil},
		{"of one that does not end meanwhile", deadline, time.Millisecond, nil},
		{"of one that has ended", cancelled, time.Hour, context.Canceled},
		{"ends at a deadline", deadline, time.Hour, context.DeadlineExceeded},
		{"ends at a deadline that the context is late to notice", late(never, soon), time.Hour, context.DeadlineExceeded},
		{"ends at the deadline of a context that is never done", late(endless, soon), time.Hour, context.DeadlineExceeded},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ctx := tt.ctx(t)
			begin := time.Now()
			within(t, func() error { return wait.Pause(ctx, tt.d) }, tt.want, func() {})
			if took := time.Since(begin); tt.want == nil && took < tt.d {
				t.Errorf("it took %v, want %v", took, tt.d)
			}
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	within(t, func() error { return wait.Pause(ctx, time.Hour) }, context.Canceled, func() {
		time.Sleep(soon)
		cancel()
	})
}

// watched is a context that says when it is to call a function.
type watched struct {
	context.Context
	done             chan struct{}
	watching, called int
}

func (c *watched) Done() <-chan struct{} { return c.done }

// AfterFunc is what context.AfterFunc looks for.
func (c *watched) AfterFunc(func()) (stop func() bool) {
	c.called++
	c.watching++
	return func() bool { c.watching--; return true }
}

// A context may outlive millions of waits: none leaves anything with it.
func TestNothingIsLeftWithTheContext(t *testing.T) {
	id := newSet(t, 100)
	ctx := &watched{Context: context.Background(), done: make(chan struct{})}
	for range 3 {
		if err := wait.Semop(ctx, id, []sys.Sembuf{{Op: -1}}); err != nil {
			t.Fatal(err)
		}
	}
	if ctx.called != 3 || ctx.watching != 0 {
		t.Errorf("asked to be told %d times, and still is to be %d times, want 3 and 0", ctx.called, ctx.watching)
	}
}

// Who has waited is not tied to a thread, which would end with the goroutine.
func TestThreadsOutliveWaits(t *testing.T) {
	const n = 8
	id := newSet(t, 0)
	threads := make(chan int)
	for range n {
		go func() {
			wait.Semop(never(t), id, []sys.Sembuf{{Op: -1}})
			threads <- sys.Thread()
		}()
	}
	kit.Eventually(t, "all wait, each on a thread", func() bool { return kit.Number(t)(sys.Semctl(id, 0, sys.GETNCNT)) == n })
	sys.SemSetval(id, 0, n)
	var used []int
	for range n {
		used = append(used, <-threads)
	}
	time.Sleep(20 * time.Millisecond) // for threads to end, if they do
	for _, thread := range used {
		if _, err := os.Stat(fmt.Sprintf("/proc/self/task/%d", thread)); err != nil {
			t.Error(err)
		}
	}
}

// within checks how call ends.
func within(t *testing.T, call func() error, want error, meanwhile func()) {
	t.Helper()
	returned := kit.Async(t, call)
	meanwhile()
	if err := returned(); err != want {
		t.Errorf("error %v, want %v", err, want)
	}
}
