//go:build linux && !android && !sysvipc_steps

package ring

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/compare"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sysvtest"
	"golang.org/x/sys/unix"
)

// A channel is what else takes records from process to process.
type channel interface {
	send(b []byte) error
	receive(b []byte) error // of b's length
}

// channels are made by their names, for the side that sends or for the other one.
var channels = map[string]func(name string, sends bool) (channel, error){
	"msg": func(name string, _ bool) (channel, error) {
		id, err := strconv.Atoi(name)
		if err != nil {
			return nil, err
		}
		q, err := msg.OpenID(id)
		return messages{q}, err
	},
	"seqpacket": func(name string, sends bool) (channel, error) {
		address := &net.UnixAddr{Name: name, Net: "unixpacket"}
		if sends {
			c, err := net.DialUnix("unixpacket", nil, address)
			if err != nil {
				return nil, err
			}
			raw, err := c.SyscallConn()
			if err != nil {
				return nil, err
			}
			// So that 1 MiB is one packet. Who is not root gets as much as is left to him.
			raw.Control(func(fd uintptr) {
				if err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 4<<20); err == unix.EPERM || err == unix.ENOPROTOOPT {
					err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<20)
				}
			})
			return packets{c}, err
		}
		l, err := net.ListenUnix("unixpacket", address)
		if err != nil {
			return nil, err
		}
		fmt.Println("listening")
		c, err := l.Accept()
		return packets{c}, err
	},
	"pipe": func(name string, sends bool) (channel, error) {
		if sends {
			f, err := os.OpenFile(name, os.O_WRONLY, 0)
			if err != nil {
				return nil, err
			}
			_, err = unix.FcntlInt(f.Fd(), unix.F_SETPIPE_SZ, 1<<20)
			return stream{f}, err
		}
		fmt.Println("listening")
		f, err := os.Open(name)
		return stream{f}, err
	},
}

type messages struct{ q *msg.Queue }

func (m messages) send(b []byte) error { return m.q.Send(bg, 1, b) }
func (m messages) receive(b []byte) error {
	_, err := m.q.Receive(bg, msg.Any, b)
	return err
}

type packets struct{ net.Conn }

func (p packets) send(b []byte) error    { _, err := p.Write(b); return err }
func (p packets) receive(b []byte) error { _, err := p.Read(b); return err }

type stream struct{ *os.File }

func (s stream) send(b []byte) error    { _, err := s.Write(b); return err }
func (s stream) receive(b []byte) error { _, err := io.ReadFull(s, b); return err }

// What these need is the kind, the name, a CPU, the size of records, and how many.
func channelArgs(args []string, sends bool) (c channel, v []int, err error) {
	if v, err = kit.Numbers(args[2:]); err != nil {
		return nil, nil, err
	}
	if err := kit.StayOn(v[0]); err != nil {
		return nil, nil, err
	}
	c, err = channels[args[0]](args[1], sends)
	return c, v, err
}

var channelSender = sysvtest.Helper("channel sender", func(args []string) error {
	c, v, err := channelArgs(args, true)
	if err != nil {
		return err
	}
	data, _ := pattern(v[1])
	for ; ; words(data)[0]++ {
		err := c.send(data)
		if errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET) {
			return nil // the other one has had enough
		}
		if err != nil {
			return err
		}
	}
})

var channelReceiver = sysvtest.Helper("channel receiver", func(args []string) error {
	c, v, err := channelArgs(args, false)
	if err != nil {
		return err
	}
	data, sum := pattern(v[1])
	n := v[2]
	warm := n/10 + 1
	var begin time.Time
	for i := range n + warm {
		if i == warm {
			begin = time.Now()
		}
		if err := c.receive(data); err != nil {
			return err
		}
		if sumOf(data) != sum+uint64(i) {
			return fmt.Errorf("record %d is another", i)
		}
	}
	fmt.Println(float64(time.Since(begin)) / float64(n))
	return nil
})

// through is how many nanoseconds one of n records takes through a channel.
func through(t testing.TB, kind string, size, n int) float64 {
	name := filepath.Join(t.TempDir(), kind)
	switch kind {
	case "msg":
		q, err := msg.Create(sysv.Private, nil)
		kit.Must(t, err)
		defer func() { kit.Must(t, q.Remove()) }()
		name = strconv.Itoa(q.ID())
	case "pipe":
		kit.Must(t, syscall.Mkfifo(name, 0o600))
	}
	args := func(cpu int) []string {
		return []string{kind, name, strconv.Itoa(cpu), strconv.Itoa(size), strconv.Itoa(n)}
	}
	r := sysvtest.Start(t, channelReceiver, args(0)...)
	if kind != "msg" {
		r.Expect("listening")
	}
	p := sysvtest.Start(t, channelSender, args(runtime.NumCPU()-1)...)
	ns := compare.Number(t, r.Line())
	r.Finish()
	p.Process.Kill()
	return ns
}

// Beside what else there is, in the same run.
func BenchmarkAgainst(b *testing.B) {
	for _, tr := range traffics {
		if tr.batch > 1 {
			continue
		}
		n := 1 + 200_000_000/(tr.size+400)
		ours := func(b *testing.B) compare.Measure { return func() float64 { return tr.perRecord(b, n) } }
		for _, kind := range []string{"msg", "seqpacket", "pipe"} {
			if kind == "msg" && tr.size > 8<<10 {
				continue // what a message may have, see msgctl(2)
			}
			b.Run(fmt.Sprintf("%v/%s", tr, kind), func(b *testing.B) {
				if kind == "seqpacket" && tr.size > 100<<10 {
					kit.NeedRoot(b, "sends packets that are so long")
				}
				compare.Report(b, "ns/record", ours(b), kind, func() float64 { return through(b, kind, tr.size, 1+n/10) })
			})
		}
		b.Run(fmt.Sprintf("%v/boost", tr), func(b *testing.B) {
			boost := compare.CXX(b, "boost.cc", "boost/interprocess/ipc/message_queue.hpp", "libboost-dev")
			compare.Report(b, "ns/record", ours(b), "boost", boost(strconv.Itoa(tr.size), strconv.Itoa(1+n/4)))
		})
		if tr.size > 8<<10 {
			continue // what a user may have, see mq_overview(7)
		}
		b.Run(fmt.Sprintf("%v/mq", tr), func(b *testing.B) {
			compare.Report(b, "ns/record", ours(b), "mq", compare.C(b, "mq.c")(strconv.Itoa(tr.size), strconv.Itoa(1+n/20)))
		})
	}
}

// TestPeers: what is measured beside this works at all.
func TestPeers(t *testing.T) {
	for kind := range channels {
		if ns := through(t, kind, 64, 50); ns <= 0 {
			t.Errorf("%s: a record takes %v ns", kind, ns)
		}
	}
}
