//go:build linux && !android

package shm_test

import (
	"io"
	"io/fs"
	"math"
	"testing"
	"testing/iotest"

	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

func TestReadAt(t *testing.T) {
	m := attach(t, create(t, 10, nil), nil)
	copy(m.Bytes(), "0123456789")
	for _, tt := range []struct {
		n    int
		off  int64
		want string
		err  error
	}{
		{10, 0, "0123456789", nil},
		{3, 4, "456", nil},
		{0, 5, "", nil},
		{1, 9, "9", nil},

		// The page that holds the segment goes on, the segment does not.
		{11, 0, "0123456789", io.EOF},
		{4, 8, "89", io.EOF},
		{1, 10, "", io.EOF},
		{1, 11, "", io.EOF},
		{1, 1 << 32, "", io.EOF},
		{1, math.MaxInt64, "", io.EOF},
		{10, math.MaxInt64 - 5, "", io.EOF},
		{0, 10, "", nil},
	} {
		p := make([]byte, tt.n)
		n, err := m.ReadAt(p, tt.off)
		if got := string(p[:n]); got != tt.want || err != tt.err {
			t.Errorf("%d bytes at %d: %q, %v, want %q, %v", tt.n, tt.off, got, err, tt.want, tt.err)
		}
	}
	for _, off := range []int64{-1, -10, math.MinInt64} {
		if n, err := m.ReadAt(make([]byte, 1), off); n != 0 || err == nil || err == io.EOF {
			t.Errorf("at %d: %d, %v, want an error", off, n, err)
		}
	}
}

// What io.ReaderAt promises, as the standard library understands it.
func TestReadAtIsAReaderAt(t *testing.T) {
	m := attach(t, create(t, 10, nil), nil)
	copy(m.Bytes(), "0123456789")
	if err := iotest.TestReader(io.NewSectionReader(m, 0, 10), []byte("0123456789")); err != nil {
		t.Error(err)
	}
}

func TestWriteAt(t *testing.T) {
	m := attach(t, create(t, 10, nil), nil)
	const before = "0123456789"
	for _, tt := range []struct {
		p    string
		off  int64
		want string
		err  error
	}{
		{"abcdefghij", 0, "abcdefghij", nil},
		{"abc", 4, "0123abc789", nil},
		{"a", 9, "012345678a", nil},
		{"", 0, before, nil},
		{"", 10, before, nil},

		// What does not fit is not written, not even its beginning.
		{"abcdefghijk", 0, before, io.ErrShortWrite},
		{"ab", 9, before, io.ErrShortWrite},
		{"a", 10, before, io.ErrShortWrite},
		{"a", 11, before, io.ErrShortWrite},
		{"a", 1 << 32, before, io.ErrShortWrite},
		{"a", math.MaxInt64, before, io.ErrShortWrite},
		{"abcdefghij", math.MaxInt64 - 5, before, io.ErrShortWrite},
	} {
		copy(m.Bytes(), before)
		n, err := m.WriteAt([]byte(tt.p), tt.off)
		kit.WantError(t, err, tt.err)
		wantN := 0
		if tt.err == nil {
			wantN = len(tt.p)
		}
		if got := string(m.Bytes()); n != wantN || got != tt.want {
			t.Errorf("%q at %d: wrote %d and left %q, want %d and %q", tt.p, tt.off, n, got, wantN, tt.want)
		}
	}
	for _, off := range []int64{-1, -10, math.MinInt64} {
		if n, err := m.WriteAt([]byte("a"), off); n != 0 || err == nil {
			t.Errorf("at %d: %d, %v, want an error", off, n, err)
		}
	}
}

func TestCopiesOfAReadOnlyMapping(t *testing.T) {
	seg := create(t, 10, nil)
	copy(attach(t, seg, nil).Bytes(), "0123456789")
	m := attach(t, seg, &shm.AttachConfig{ReadOnly: true})
	for _, p := range []string{"a", ""} {
		n, err := m.WriteAt([]byte(p), 0)
		kit.WantError(t, err, fs.ErrPermission)
		if n != 0 {
			t.Errorf("wrote %d bytes", n)
		}
	}
	p := make([]byte, 10)
	if n, err := m.ReadAt(p, 0); n != 10 || err != nil || string(p) != "0123456789" {
		t.Errorf("ReadAt = %d, %v with %q", n, err, p)
	}
}
