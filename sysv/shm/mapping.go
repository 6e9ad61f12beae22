package shm

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"unsafe"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/readonly"
	"example.com/sysvipc/sysv/internal/sys"
)

var (
	_ io.ReaderAt = (*Mapping)(nil)
	_ io.WriterAt = (*Mapping)(nil)
)

// AttachConfig is how a segment is attached. Nil means the zero AttachConfig:
// to read and write, at an address that the kernel chooses.
type AttachConfig struct {
	// ReadOnly maps for reading alone, for which read permission suffices
	// (SHM_RDONLY). A write through Bytes, View or Slice then ends the program.
	ReadOnly bool
	// Exec maps for execution too, which needs execute permission (SHM_EXEC).
	Exec bool
	// Addr, if not 0, is the address to map at, a multiple of SHMLBA: the page
	// size, or on arm and mips more. Where something is mapped already the
	// error is EINVAL, unless Remap is set.
	Addr uintptr
	// Round rounds Addr down to a multiple of SHMLBA (SHM_RND).
	Round bool
	// Remap replaces what is mapped at Addr (SHM_REMAP), and with it whatever
	// Go's runtime may have there: give it a range that the program reserved.
	// A range that belongs to another Mapping is refused: detach that first.
	// A segment in huge pages takes whole ones, more than its size, which this
	// can't see: keep other Mappings away from there.
	Remap bool
}

// A Mapping is a segment attached to this process's memory. The package
// documentation says what is safe to do with that memory, and how long.
type Mapping struct {
	readOnly bool
	seg      *Segment
	data     []byte // to be touched only while attached

	mu       sync.RWMutex // read-locked while ReadAt or WriteAt is in the memory
	detached atomic.Bool  // set under mu and live
}

// live has every Mapping that is attached, for Remap.
var live struct {
	sync.Mutex
	mappings map[*Mapping]struct{}
}

// Attach maps the segment. It needs read permission, and unless cfg.ReadOnly
// write permission too, else the error is [fs.ErrPermission]. A segment can be
// attached several times, and a removed one as long as somebody has it
// attached. Nothing ends the attachment but Detach and the end of the process.
//
// A handle that has come to mean another segment, as its own was destroyed and
// the id used again, is refused with [sysv.ErrRemoved] where that can be told: by
// size, key and creator. What [OpenConfig.OwnedBy] asked for is asked again, so
// that it holds of what is attached.
//
// Other errors: [sysv.ErrRemoved], EINVAL for an address that can't be, ENOMEM
// where the address space has no room. See shmop(2).
func (s *Segment) Attach(cfg *AttachConfig) (*Mapping, error) {
	if cfg == nil {
		cfg = new(AttachConfig)
	}
	live.Lock()
	defer live.Unlock()
	if err := s.checkAddr(cfg); err != nil {
		return nil, err
	}
	addr, err := sys.Shmat(s.id, cfg.Addr, cfg.flags())
	if err != nil {
		return nil, s.error("shmat", err, attachHint(cfg))
	}
	// What the kernel says now stays so: the attachment keeps the segment, and
	// with it the id.
	stat, err := kind.Look(s.id)
	if err == nil {
		err = s.recognize(stat)
	}
	if err != nil {
		return nil, errors.Join(err, sys.Shmdt(addr))
	}
	m := &Mapping{readOnly: cfg.ReadOnly, seg: s, data: unsafe.Slice((*byte)(addr), s.size)}
	if live.mappings == nil {
		live.mappings = make(map[*Mapping]struct{})
	}
	live.mappings[m] = struct{}{}
	if m.readOnly {
		readonly.Add(m.data)
	}
	return m, nil
}

// checkAddr refuses to replace a Mapping of ours, which would go on to detach
// what is no longer its own, and an address that rounds to 0: there the kernel
// attaches for root, and no Go pointer can point.
func (s *Segment) checkAddr(cfg *AttachConfig) error {
	if cfg.Round && cfg.Addr != 0 && cfg.Addr < sys.SHMLBA() {
		return kind.Invalid("shmat", s.key, s.id, fmt.Sprintf("address %#x rounds down to 0", cfg.Addr))
	}
	if !cfg.Remap {
		return nil
	}
	if cfg.Addr == 0 {
		return kind.Invalid("shmat", s.key, s.id, "Remap without an address")
	}
	addr := cfg.Addr
	if cfg.Round {
		addr -= addr % sys.SHMLBA()
	}
	for m := range live.mappings {
		base := uintptr(unsafe.Pointer(unsafe.SliceData(m.data)))
		if addr < base+uintptr(len(m.data)) && base < addr+uintptr(s.size) {
			return kind.Invalid("shmat", s.key, s.id, fmt.Sprintf("the range at %#x belongs to another Mapping", cfg.Addr))
		}
	}
	return nil
}

func (c *AttachConfig) flags() (flags int) {
	for _, f := range []struct {
		set bool
		bit int
	}{
		{c.ReadOnly, sys.SHM_RDONLY},
		{c.Exec, sys.SHM_EXEC},
		{c.Round, sys.SHM_RND},
		{c.Remap, sys.SHM_REMAP},
	} {
		if f.set {
			flags |= f.bit
		}
	}
	return flags
}

// Detach ends the attachment, after waiting for calls of ReadAt and WriteAt
// that are under way. From then on what Bytes, View and Slice returned before must
// not be touched. That is a fault that ends the program, or worse: it reads or
// changes whatever was mapped there since, another segment or Go's own memory.
// To detach again does nothing.
func (m *Mapping) Detach() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	live.Lock()
	defer live.Unlock()
	if m.detached.Load() {
		return nil
	}
	if m.readOnly {
		readonly.Remove(m.data)
	}
	if err := sys.Shmdt(unsafe.Pointer(unsafe.SliceData(m.data))); err != nil {
		return &sysv.Error{Op: "shmdt", ID: -1, Err: err}
	}
	m.detached.Store(true)
	delete(live.mappings, m)
	return nil
}

// inherit says whether children that a fork makes have the memory, too, as they
// have without a word. In huge pages they always do.
func (m *Mapping) inherit(yes bool) error {
	err := sys.Inherit(m.data, yes)
	if err != nil && err != sys.EINVAL {
		return m.seg.error("madvise", err, nil)
	}
	return nil
}

// Segment returns the handle of the segment, also after Detach.
func (m *Mapping) Segment() *Segment { return m.seg }

// Len returns the size in bytes, which is the segment's, or 0 after Detach.
func (m *Mapping) Len() int { return len(m.Bytes()) }

// Bytes returns the memory itself, or nil after Detach. See the package
// documentation for what ends the program.
func (m *Mapping) Bytes() []byte {
	if m.detached.Load() {
		return nil
	}
	return m.data
}

// ReadAt copies from the segment at off, in bytes, as [io.ReaderAt] says: with
// [io.EOF] where the segment ends before p is full. After Detach the error is
// [os.ErrClosed].
func (m *Mapping) ReadAt(p []byte, off int64) (n int, err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.detached.Load() {
		return 0, fmt.Errorf("shm: read: %w", os.ErrClosed)
	}
	if off < 0 {
		return 0, fmt.Errorf("shm: read at negative offset %d", off)
	}
	if off < int64(len(m.data)) {
		n = copy(p, m.data[off:])
	}
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

// WriteAt copies into the segment at off, in bytes. A segment does not grow:
// where p does not fit, nothing is written and the error is
// [io.ErrShortWrite]. On a read-only mapping it is [fs.ErrPermission], after
// Detach [os.ErrClosed].
func (m *Mapping) WriteAt(p []byte, off int64) (n int, err error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	switch {
	case m.detached.Load():
		return 0, fmt.Errorf("shm: write: %w", os.ErrClosed)
	case m.readOnly:
		return 0, fmt.Errorf("shm: write to a read-only mapping: %w", fs.ErrPermission)
	case off < 0:
		return 0, fmt.Errorf("shm: write at negative offset %d", off)
	case off > int64(len(m.data)) || len(p) > len(m.data)-int(off):
		return 0, fmt.Errorf("shm: write of %d bytes at %d, in a segment of %d: %w", len(p), off, len(m.data), io.ErrShortWrite)
	}
	return copy(m.data[off:], p), nil
}
