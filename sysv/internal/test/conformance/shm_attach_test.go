//go:build linux && !android

package conformance

import (
	"errors"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/shm"
)

var shmAttachRows = []row{
	{"SHM-033", "shmat without an address takes one, of a page, to read and write (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 10, nil)
		m := segAttach(t, seg, nil)
		if addr := segAddr(m); addr == 0 || addr%uintptr(shmPage) != 0 {
			t.Errorf("attached at %#x", addr)
		}
		m.Bytes()[9] = 1
		if m.Bytes()[9] != 1 {
			t.Error("what was written is not there")
		}
		segNattch(t, seg, 1)
	}},

	{"SHM-034", "shmat at a free address takes that one (shmop(2))", func(t *testing.T) {
		emulator.Addresses.Skip(t)
		m, base := segAttachAtFree(t, segCreate(t, 1, nil), 0, shm.AttachConfig{})
		if segAddr(m) != base {
			t.Errorf("attached at %#x, want %#x", segAddr(m), base)
		}
	}},

	{"SHM-035", "SHM_RND rounds the address down to SHMLBA (shmop(2))", func(t *testing.T) {
		emulator.Addresses.Skip(t)
		for _, off := range []uintptr{0, 1, shmLBA() - 1} {
			m, base := segAttachAtFree(t, segCreate(t, 1, nil), off, shm.AttachConfig{Round: true})
			if segAddr(m) != base {
				t.Errorf("attached at %#x, want %#x", segAddr(m), base)
			}
		}
	}},

	{"SHM-038", "shmat at an address that is no multiple of SHMLBA is EINVAL (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 1, nil)
		base := shmReserve(t, shmLBA(), shmLBA())
		for _, off := range []uintptr{1, shmLBA() / 2, shmLBA() - 1} {
			segCantAttach(t, seg, &shm.AttachConfig{Addr: base + off}, syscall.EINVAL)
			segCantAttach(t, seg, &shm.AttachConfig{Addr: base + off, Remap: true}, syscall.EINVAL)
		}
		segNattch(t, seg, 0)
	}},

	{"SHM-041", "SHM_REMAP with an address that rounds to 0 is EINVAL (do_shmat in ipc/shm.c)", func(t *testing.T) {
		seg := segCreate(t, 1, nil)
		for _, addr := range []uintptr{1, shmLBA() - 1} {
			segCantAttach(t, seg, &shm.AttachConfig{Addr: addr, Round: true, Remap: true}, syscall.EINVAL)
		}
		segNattch(t, seg, 0)
	}},

	{"SHM-042", "SHM_REMAP without an address is EINVAL (shmop(2))", func(t *testing.T) {
		segCantAttach(t, segCreate(t, 1, nil), &shm.AttachConfig{Remap: true}, syscall.EINVAL)
	}},

	{"SHM-043", "shmat over what is mapped is EINVAL (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, int(shmLBA())+1, nil) // on two units of address space
		m := segAttach(t, seg, nil)
		m.Bytes()[0] = 7
		for _, addr := range []uintptr{segAddr(m), segAddr(m) + shmLBA(), segAddr(m) - shmLBA()} {
			segCantAttach(t, seg, &shm.AttachConfig{Addr: addr}, syscall.EINVAL)
		}
		if m.Bytes()[0] != 7 {
			t.Error("the mapping has lost its memory")
		}
		segNattch(t, seg, 1)
	}},

	{"SHM-044", "SHM_REMAP replaces what is mapped (shmop(2))", func(t *testing.T) {
		seg := segCreate(t, 1, nil)
		base := shmReserve(t, shmLBA(), shmLBA())
		m := segAttach(t, seg, &shm.AttachConfig{Addr: base, Remap: true})
		if segAddr(m) != base {
			t.Errorf("attached at %#x, want %#x", segAddr(m), base)
		}
		m.Bytes()[0] = 7
		if other := segAttach(t, seg, nil); other.Bytes()[0] != 7 {
			t.Error("what was written is not in the segment")
		}
		segNattch(t, seg, 2)
	}},

	{"SHM-045", "shmat below the break is EINVAL, and the break stops at a segment (brk(2))", func(t *testing.T) {
		emulator.Addresses.Skip(t)
		lba := uint64(shmLBA())
		p := shmSelf(t)
		p.ok("create private 1")
		t.Cleanup(func() { p.ok("remove") })
		base := (p.num("break 0") + lba - 1) / lba * lba
		grow := func(want, to uint64) {
			t.Helper()
			if got := p.num("break %#x", to); got != want {
				t.Errorf("the break is %#x, want %#x", got, want)
			}
		}
		grow(base+lba, base+lba)
		p.refused(syscall.EINVAL, "attach-at %#x", base)
		p.ok("attach-at %#x", base+2*lba)
		grow(base+lba, 0)
		grow(base+lba, base+3*lba)
		p.ok("detach")
		grow(base+3*lba, base+3*lba)
	}},

	{"SHM-046", "an attachment that mprotect has split or joined again is one to shmdt (sys_shmdt in ipc/shm.c)", func(t *testing.T) {
		middle := func(m *shm.Mapping) []byte { return m.Bytes()[shmPage : 2*shmPage] }
		for name, change := range map[string]func(m *shm.Mapping) error{
			"split": func(m *shm.Mapping) error { return unix.Mprotect(middle(m), unix.PROT_READ) },
			"joined": func(m *shm.Mapping) error {
				return errors.Join(
					unix.Mprotect(middle(m), unix.PROT_READ),
					unix.Mprotect(middle(m), unix.PROT_READ|unix.PROT_WRITE))
			},
		} {
			seg := segCreate(t, 3*shmPage, nil)
			m := segAttach(t, seg, nil)
			if err := change(m); err != nil {
				t.Fatal(err)
			}
			segDetach(t, m)
			if got := segStat(t, seg).Nattch; got != 0 {
				t.Errorf("%s: nattch is %d, want 0", name, got)
			}
		}
	}},

	{"SHM-047", "a removed segment that is still attached can be attached by id (shmctl(2))", func(t *testing.T) {
		emulator.Mode.Skip(t) // where SHM_DEST is
		seg := segCreate(t, 10, nil)
		m := segAttach(t, seg, nil)
		p := shmSelf(t)
		segRemove(t, seg)
		m.Bytes()[0] = 'x'
		if got := segAttach(t, seg, nil).Bytes()[0]; got != 'x' {
			t.Errorf("it has %q, want x", got)
		}
		p.ok("open-id %d", seg.ID())
		p.ok("attach")
		if got := p.ok("read 0 1"); got != "x" {
			t.Errorf("another process reads %q, want x", got)
		}
	}},

	{"SHM-058", "mprotect doesn't make a read-only attachment writable: EACCES (mprotect(2))", func(t *testing.T) {
		m := segAttach(t, segCreate(t, shmPage, nil), &shm.AttachConfig{ReadOnly: true})
		shmErr(t, unix.Mprotect(m.Bytes(), unix.PROT_READ|unix.PROT_WRITE), syscall.EACCES)
	}},

	{"SHM-059", "mprotect takes writing from a read-write attachment and gives it back (mprotect(2))", func(t *testing.T) {
		m := segAttach(t, segCreate(t, shmPage, nil), nil)
		for _, prot := range []int{unix.PROT_READ, unix.PROT_READ | unix.PROT_WRITE} {
			if err := unix.Mprotect(m.Bytes(), prot); err != nil {
				t.Error(err)
			}
		}
		m.Bytes()[0] = 1
	}},

	{"SHM-062", "SHMLBA is this architecture's: multiples of it attach, and nothing between them (asm/shmparam.h)", func(t *testing.T) {
		emulator.Addresses.Skip(t)
		seg := segCreate(t, 1, nil)
		base := shmReserve(t, 3*shmLBA(), shmLBA())
		for _, addr := range []uintptr{base, base + shmLBA(), base + 2*shmLBA()} {
			if m := segAttach(t, seg, &shm.AttachConfig{Addr: addr, Remap: true}); segAddr(m) != addr {
				t.Errorf("attached at %#x, want %#x", segAddr(m), addr)
			}
		}
		segCantAttach(t, seg, &shm.AttachConfig{Addr: base + shmLBA()/2, Remap: true}, syscall.EINVAL)
		m, free := segAttachAtFree(t, seg, shmLBA()/2, shm.AttachConfig{Round: true})
		if segAddr(m) != free {
			t.Errorf("rounded down to %#x, want %#x", segAddr(m), free)
		}
	}},

	{"SHM-095", "remap_file_pages against removal and creation ends in EINVAL or EIDRM at worst (shm_mmap in ipc/shm.c)", func(t *testing.T) {
		emulator.RemapFilePages.Skip(t)
		key := sysv.RandomKey()
		done := make(chan error)
		stop := make(chan bool)
		go func() {
			for {
				select {
				case <-stop:
					done <- nil
					return
				default:
				}
				seg, err := shm.Open(key, nil)
				if err == nil {
					err = seg.Remove()
				}
				if err != nil && !errors.Is(err, syscall.ENOENT) && !errors.Is(err, sysv.ErrRemoved) {
					<-stop
					done <- err
					return
				}
			}
		}()
		for range 1000 {
			if err := segRemapPages(key); err != nil {
				t.Error(err)
				break
			}
		}
		stop <- true
		if err := <-done; err != nil {
			t.Error(err)
		}
		if seg, err := shm.Open(key, nil); err == nil {
			segRemove(t, seg)
			segGone(t, seg)
		}
	}},
}

// segRemapPages is remap_file_pages of a segment that others remove at any
// time. What fails for that reason is no error.
func segRemapPages(key sysv.Key) error {
	expected := func(err error) error {
		if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.EIDRM) {
			return nil
		}
		return err
	}
	seg, _, err := shm.OpenOrCreate(key, shmPage, nil)
	if err != nil {
		return err
	}
	m, err := seg.Attach(nil)
	if err != nil {
		return expected(err)
	}
	_, _, errno := unix.Syscall6(unix.SYS_REMAP_FILE_PAGES,
		uintptr(unsafe.Pointer(unsafe.SliceData(m.Bytes()))), uintptr(shmPage), 0, 0, 0, 0)
	if errno != 0 {
		err = expected(errno)
	}
	return errors.Join(err, expected(m.Detach())) // which finds nothing if the pages were lost
}
