//go:build linux && !android

package guides

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/ring"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
	"golang.org/x/sys/unix"
)

const choosing = "docs/choosing.md"

// What the guide's table has for columns, as benchmarks are called.
var columns = []string{"lock", "64_bytes", "there_and_back", "a_MiB"}

// A means is a row of the guide's table.
type means struct {
	name    string
	lock    func(b testing.TB) (lock, unlock func() error)
	open    func(b testing.TB, size int) (link, *exec.Cmd) // the child's arguments, and files, are set
	join    func(args []string) (link, error)              // by the child
	largest int                                            // record, or 0 for any
}

// A link carries records between two processes, both ways.
type link struct {
	send func(record []byte) error
	// receive has a record used where it is, in the buffer or not.
	receive func(buf []byte, use func(record []byte)) error
}

var allMeans []means

func init() {
	allMeans = []means{
		{name: "lock.Mutex", lock: groupLock},
		{name: "lock.RWMutex, to read", lock: groupReadLock},
		{name: "sem.Mutex", lock: setLock},
		{name: "flock", lock: fileLock(func(fd uintptr, how int) error { return unix.Flock(int(fd), how) }, unix.LOCK_EX, unix.LOCK_UN)},
		{name: "fcntl", lock: fileLock(func(fd uintptr, how int) error {
			return unix.FcntlFlock(fd, unix.F_OFD_SETLKW, &unix.Flock_t{Type: int16(how)})
		}, unix.F_WRLCK, unix.F_UNLCK)},
		{name: "ring.Queue", open: openRings, join: joinRings},
		{name: "msg.Queue", open: openQueue, join: joinQueue, largest: 8192},
		{name: "pipe", open: openPipes, join: joinPipes},
		{name: "Unix socket", open: openSocket, join: joinSocket},
		{name: "TCP", open: openTCP, join: joinTCP},
	}
}

// has tells whether the table has a figure of a means in a column.
func (m *means) has(column string) bool {
	switch column {
	case "lock":
		return m.lock != nil
	case "a_MiB":
		return m.open != nil && m.largest == 0
	}
	return m.open != nil
}

// BenchmarkChoosing measures the guide's table and prints it.
func BenchmarkChoosing(b *testing.B) {
	table := make(map[string]map[string]time.Duration)
	for _, column := range columns {
		table[column] = make(map[string]time.Duration)
		for i := range allMeans {
			m := &allMeans[i]
			if !m.has(column) {
				continue
			}
			b.Run(column+"/"+strings.NewReplacer(", ", "_", " ", "_").Replace(m.name), func(b *testing.B) {
				switch column {
				case "lock":
					table[column][m.name] = m.measureLock(b)
				case "64_bytes":
					table[column][m.name] = m.measureOneWay(b, 64)
				case "there_and_back":
					table[column][m.name] = m.measureThereAndBack(b)
				case "a_MiB":
					table[column][m.name] = m.measureOneWay(b, 1<<20)
				}
			})
		}
	}
	var rows strings.Builder
	for i := range allMeans {
		fmt.Fprintf(&rows, "\n| %s |", allMeans[i].name)
		for _, column := range columns {
			if took := table[column][allMeans[i].name]; took > 0 {
				fmt.Fprintf(&rows, " %s |", short(took))
			} else {
				rows.WriteString(" |")
			}
		}
	}
	fmt.Println(rows.String())
}

// short rounds to two digits.
func short(d time.Duration) string {
	unit, name := time.Nanosecond, "ns"
	if d >= 1000 {
		unit, name = time.Microsecond, "µs"
	}
	if d < 10*unit && unit > 1 {
		return fmt.Sprintf("%.1f %s", float64(d)/float64(unit), name)
	}
	n := int((d + unit/2) / unit)
	if n >= 100 {
		n = (n + 5) / 10 * 10
	}
	return fmt.Sprintf("%d %s", n, name)
}

func (m *means) measureLock(b *testing.B) time.Duration {
	lock, unlock := m.lock(b)
	return best(b, time.Millisecond, func() error { return errors.Join(lock(), unlock()) })
}

// best measures what a call takes, window by window, and returns the shortest of them:
// what else the machine does makes them longer, and never shorter.
func best(b *testing.B, window time.Duration, call func() error) (shortest time.Duration) {
	begin, calls, batch := time.Now(), 0, 1
	for b.Loop() {
		if err := call(); err != nil {
			b.Fatal(err)
		}
		if calls++; calls < batch {
			continue
		}
		if took := time.Since(begin); took >= window || shortest == 0 {
			if each := took / time.Duration(calls); shortest == 0 || each < shortest {
				shortest = each
			}
		} else {
			batch *= 2
		}
		begin, calls = time.Now(), 0
	}
	b.ReportMetric(float64(shortest), "ns/best")
	return shortest
}

// carrier is the other process: it sends records of a size, or sends back what it gets.
var carrier = sysvtest.Helper("carrier", func(args []string) error {
	i := slices.IndexFunc(allMeans, func(m means) bool { return m.name == args[0] })
	size, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	l, err := allMeans[i].join(args[3:])
	if err != nil {
		return err
	}
	for record := make([]byte, size); ; {
		if args[2] == "echo" {
			if err := l.receive(record, func(got []byte) { copy(record, got) }); err != nil {
				return nil // the benchmark has ended
			}
		}
		if err := l.send(record); err != nil {
			return nil
		}
	}
})

// start opens the means and starts the other process.
func (m *means) start(b testing.TB, size int, role string) link {
	l, cmd := m.open(b, size)
	cmd.Args = append([]string{cmd.Args[0], m.name, strconv.Itoa(size), role}, cmd.Args[1:]...)
	cmd.Stderr = os.Stderr
	kit.Must(b, cmd.Start())
	b.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	for _, file := range cmd.ExtraFiles {
		file.Close()
	}
	return l
}

func (m *means) measureOneWay(b *testing.B, size int) time.Duration {
	l := m.start(b, size, "send")
	record := make([]byte, size)
	kit.Must(b, l.receive(record, read)) // it has begun
	// Longer than what lies in a buffer takes to receive.
	return best(b, 10*time.Millisecond, func() error { return l.receive(record, read) })
}

func (m *means) measureThereAndBack(b *testing.B) time.Duration {
	l := m.start(b, 64, "echo")
	record := make([]byte, 64)
	return best(b, time.Millisecond, func() error { return errors.Join(l.send(record), l.receive(record, read)) })
}

func groupLock(b testing.TB) (take, give func() error) {
	g, err := lock.Create(b.Context(), sysv.Private, 1, nil)
	kit.Must(b, err)
	b.Cleanup(func() { kit.Must(b, errors.Join(g.Remove(), g.Close())) })
	m, ctx := g.Mutex(0), context.Background()
	return func() error { _, err := m.Lock(ctx); return err }, m.Unlock
}

func groupReadLock(b testing.TB) (take, give func() error) {
	g, err := lock.Create(b.Context(), sysv.Private, 0, &lock.Config{RWMutexes: 1})
	kit.Must(b, err)
	b.Cleanup(func() { kit.Must(b, errors.Join(g.Remove(), g.Close())) })
	m, ctx := g.RWMutex(0), context.Background()
	return func() error { _, err := m.RLock(ctx); return err }, m.RUnlock
}

func setLock(b testing.TB) (take, give func() error) {
	s, err := sem.Create(sysv.Private, []int{1}, nil)
	kit.Must(b, err)
	b.Cleanup(func() { kit.Must(b, s.Remove()) })
	m, ctx := s.Mutex(0), context.Background()
	return func() error { return m.Lock(ctx) }, m.Unlock
}

func fileLock(call func(fd uintptr, how int) error, take, give int) func(b testing.TB) (_, _ func() error) {
	return func(b testing.TB) (_, _ func() error) {
		file, err := os.Create(filepath.Join(b.TempDir(), "lock"))
		kit.Must(b, err)
		b.Cleanup(func() { file.Close() })
		fd := file.Fd()
		return func() error { return call(fd, take) }, func() error { return call(fd, give) }
	}
}

// Rings: one each way.

func openRings(b testing.TB, size int) (link, *exec.Cmd) {
	var q [2]*ring.Queue
	for i := range q {
		var err error
		q[i], err = ring.CreateQueue(b.Context(), sysv.Private, &ring.Config{Size: max(1<<20, 8*size)})
		kit.Must(b, err)
		b.Cleanup(func() { kit.Must(b, errors.Join(q[i].Remove(), q[i].Close())) })
	}
	return ringLink(q[0], q[1]), sysvtest.Command(carrier, strconv.Itoa(q[1].ID()), strconv.Itoa(q[0].ID()))
}

func joinRings(args []string) (link, error) {
	ids, err := kit.Numbers(args)
	if err != nil {
		return link{}, err
	}
	out, err1 := ring.OpenQueueID(context.Background(), ids[0], nil)
	in, err2 := ring.OpenQueueID(context.Background(), ids[1], nil)
	return ringLink(out, in), errors.Join(err1, err2)
}

// ringLink writes and reads large records where they are.
func ringLink(out, in *ring.Queue) link {
	ctx := context.Background()
	return link{
		send: func(record []byte) error {
			if len(record) < 1<<12 {
				return out.Send(ctx, record)
			}
			r, err := out.Reserve(ctx, len(record))
			if err != nil {
				return err
			}
			copy(r.Bytes, record)
			return r.Commit()
		},
		receive: func(_ []byte, use func([]byte)) error {
			r, err := in.Receive(ctx)
			if err != nil {
				return err
			}
			use(r.Bytes)
			return r.Done()
		},
	}
}

// read looks at every byte, as whoever receives a record does.
func read(record []byte) { sum += bytes.Count(record, []byte{1}) }

var sum int

// A message queue: a type each way.

func openQueue(b testing.TB, _ int) (link, *exec.Cmd) {
	q, err := msg.Create(sysv.Private, nil)
	kit.Must(b, err)
	b.Cleanup(func() { kit.Must(b, q.Remove()) })
	return queueLink(q, 1, 2), sysvtest.Command(carrier, strconv.Itoa(q.ID()))
}

func joinQueue(args []string) (link, error) {
	ids, err := kit.Numbers(args)
	if err != nil {
		return link{}, err
	}
	q, err := msg.OpenID(ids[0])
	return queueLink(q, 2, 1), err
}

func queueLink(q *msg.Queue, out, in int) link {
	ctx := context.Background()
	return link{
		send: func(record []byte) error { return q.Send(ctx, out, record) },
		receive: func(buf []byte, use func([]byte)) error {
			m, err := q.Receive(ctx, msg.Type(in), buf)
			use(m.Data)
			return err
		},
	}
}

func streamLink(out io.Writer, in io.Reader) link {
	return link{
		send: func(record []byte) error { _, err := out.Write(record); return err },
		receive: func(buf []byte, use func([]byte)) error {
			_, err := io.ReadFull(in, buf)
			use(buf)
			return err
		},
	}
}

// Pipes: one each way.

func openPipes(b testing.TB, _ int) (link, *exec.Cmd) {
	theirIn, out, err := os.Pipe()
	kit.Must(b, err)
	in, theirOut, err := os.Pipe()
	kit.Must(b, err)
	b.Cleanup(func() { in.Close(); out.Close() })
	cmd := sysvtest.Command(carrier)
	cmd.ExtraFiles = []*os.File{theirIn, theirOut}
	return streamLink(out, in), cmd
}

func joinPipes([]string) (link, error) {
	unix.SetNonblock(3, true) // as os.Pipe has them: a wait takes no thread
	unix.SetNonblock(4, true)
	return streamLink(os.NewFile(4, "out"), os.NewFile(3, "in")), nil
}

func openSocket(b testing.TB, _ int) (link, *exec.Cmd) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	kit.Must(b, err)
	ours := os.NewFile(uintptr(fds[0]), "ours")
	conn, err := net.FileConn(ours)
	kit.Must(b, errors.Join(err, ours.Close()))
	b.Cleanup(func() { conn.Close() })
	cmd := sysvtest.Command(carrier)
	cmd.ExtraFiles = []*os.File{os.NewFile(uintptr(fds[1]), "theirs")}
	return streamLink(conn, conn), cmd
}

func joinSocket([]string) (link, error) {
	conn, err := net.FileConn(os.NewFile(3, "socket"))
	return streamLink(conn, conn), err
}

func openTCP(b testing.TB, _ int) (link, *exec.Cmd) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	kit.Must(b, err)
	b.Cleanup(func() { listener.Close() })
	accept := sync.OnceValues(func() (link, error) {
		conn, err := listener.Accept()
		if err == nil {
			b.Cleanup(func() { conn.Close() })
		}
		return streamLink(conn, conn), err
	})
	return link{
		send: func(record []byte) error {
			l, err := accept()
			if err != nil {
				return err
			}
			return l.send(record)
		},
		receive: func(buf []byte, use func([]byte)) error {
			l, err := accept()
			if err != nil {
				return err
			}
			return l.receive(buf, use)
		},
	}, sysvtest.Command(carrier, listener.Addr().String())
}

func joinTCP(args []string) (link, error) {
	conn, err := net.Dial("tcp", args[0])
	return streamLink(conn, conn), err
}

// The guide's table has what the benchmark measures.
func TestChoosingTable(t *testing.T) {
	guide, err := os.ReadFile(root + choosing)
	kit.Must(t, err)
	for i := range allMeans {
		m := &allMeans[i]
		_, row, found := strings.Cut(string(guide), "\n| "+m.name+" |")
		row, _, _ = strings.Cut(row, "\n")
		cells := strings.Split(row, "|")
		if !found || len(cells) < len(columns) {
			t.Errorf("the guide's table has no %s, or too few columns: %q", m.name, row)
			continue
		}
		for j, column := range columns {
			if shown := strings.TrimSpace(cells[j]) != ""; shown != m.has(column) {
				t.Errorf("%s, %s: the guide shows %q, measured: %v", m.name, column, cells[j], m.has(column))
			}
		}
	}
}

// What carries records in the benchmark brings them back whole.
func TestChoosingCarries(t *testing.T) {
	for i := range allMeans {
		m := &allMeans[i]
		if m.open == nil {
			continue
		}
		t.Run(m.name, func(t *testing.T) {
			size := 1 << 20
			if m.largest > 0 {
				size = m.largest
			}
			l := m.start(t, size, "echo")
			sent, got := bytes.Repeat([]byte{byte(i + 1)}, size), ""
			sending := kit.Async(t, func() error { return l.send(sent) })
			kit.Must(t, l.receive(make([]byte, size), func(record []byte) { got = string(record) }))
			kit.Must(t, sending())
			if got != string(sent) {
				t.Errorf("%d bytes come back, beginning with %q", len(got), got[:min(len(got), 10)])
			}
		})
	}
}

// A lock on a file goes with its holder, too, whatever their IPC namespaces.

var fileHolder = sysvtest.Helper("file holder", func(args []string) error {
	file, err := os.Open(args[0])
	if err != nil {
		return err
	}
	if err := unix.Flock(int(file.Fd()), unix.LOCK_EX); err != nil {
		return err
	}
	fmt.Println("locked")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
})

func TestChoosingFlock(t *testing.T) {
	file, err := os.Create(filepath.Join(t.TempDir(), "lock"))
	kit.Must(t, err)
	defer file.Close()
	lock := func() error { return unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
	p := inNewDo(t, sysvtest.Command(fileHolder, file.Name()), unix.CLONE_NEWIPC)
	p.Expect("locked")
	kit.WantError(t, lock(), unix.EWOULDBLOCK)
	p.Kill()
	kit.Must(t, lock())
}

// Who closes one descriptor of a file loses the older locks of fcntl, on all of them.
func TestChoosingFcntl(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	kit.Must(t, os.WriteFile(path, nil, 0o600))
	open := func() *os.File {
		file, err := os.OpenFile(path, os.O_RDWR, 0)
		kit.Must(t, err)
		t.Cleanup(func() { file.Close() })
		return file
	}
	lock := func(file *os.File, call int) error {
		return unix.FcntlFlock(file.Fd(), call, &unix.Flock_t{Type: unix.F_WRLCK})
	}
	for call, lost := range map[int]bool{unix.F_SETLK: true, unix.F_OFD_SETLK: false} {
		holder, stranger := open(), open()
		kit.Must(t, lock(holder, call))
		kit.WantError(t, lock(stranger, unix.F_OFD_SETLK), unix.EAGAIN)
		open().Close()
		if err := lock(stranger, unix.F_OFD_SETLK); (err == nil) != lost {
			t.Errorf("call %d: after a close elsewhere it is got with %v, want it lost: %v", call, err, lost)
		}
		holder.Close()
		stranger.Close()
	}
}

// Who waits for a semaphore takes a thread, who waits for a socket none.
func TestChoosingThreads(t *testing.T) {
	const n = 30
	set, err := sem.Create(sysv.Private, make([]int, n), nil)
	kit.Must(t, err)
	var waiting sync.WaitGroup
	var outs []*os.File
	begun := kit.Number(t)(kit.Threads())
	for range n {
		in, out, err := os.Pipe()
		kit.Must(t, err)
		outs = append(outs, out)
		waiting.Go(func() { in.Read(make([]byte, 1)); in.Close() })
	}
	time.Sleep(10 * time.Millisecond) // for those that would take one
	if took := kit.Number(t)(kit.Threads()) - begun; took > n/2 {
		t.Errorf("%d reads of pipes take %d threads", n, took)
	}
	begun = kit.Number(t)(kit.Threads())
	for num := range n {
		waiting.Go(func() { set.Do(context.Background(), sem.Op{Num: num, Delta: -1}) })
	}
	kit.Eventually(t, "all wait", func() bool {
		for num := range n {
			if kit.Number(t)(set.Waiters(num)) == 0 {
				return false
			}
		}
		return true
	})
	if took := kit.Number(t)(kit.Threads()) - begun; took < n/2 {
		t.Errorf("%d waits for semaphores take %d threads", n, took)
	}
	kit.Must(t, set.Remove())
	for _, out := range outs {
		out.Close()
	}
	waiting.Wait()
}
