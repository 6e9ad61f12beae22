//go:build linux && !android

package conformance

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"example.com/sysvipc/sysv"
)

var shmFtokRows = []row{
	{"SHM-124", "ftok is 8 bits of the project, 8 of the device and 16 of the inode (ftok(3))", func(t *testing.T) {
		for _, path := range []string{shmFile(t), t.TempDir(), "/dev/null"} {
			var st unix.Stat_t
			if err := unix.Stat(path, &st); err != nil {
				t.Fatal(err)
			}
			for _, proj := range []byte{1, 'A', 127, 128, 255} {
				want := sysv.Key(uint32(proj)<<24 | uint32(st.Dev)&0xff<<16 | uint32(st.Ino)&0xffff)
				got, err := sysv.Ftok(path, proj)
				if err != nil || got != want || (int32(got) < 0) != (proj > 127) {
					t.Errorf("Ftok(%s, %d) = %v, %v, want %v", path, proj, got, err, want)
				}
			}
		}
	}},

	{"SHM-125", "ftok of a file that can't be looked at has stat's errno (ftok(3))", func(t *testing.T) {
		file := shmFile(t)
		for path, want := range map[string]error{
			file + ".missing": syscall.ENOENT,
			file + "/below":   syscall.ENOTDIR,
			"":                syscall.ENOENT,
		} {
			key, err := sysv.Ftok(path, 1)
			shmErr(t, err, want)
			if key != sysv.Private {
				t.Errorf("key %v with the error", key)
			}
		}
		_, err := sysv.Ftok(file+".missing", 1)
		shmErr(t, err, fs.ErrNotExist)
	}},

	{"SHM-126", "ftok through any link is the same, and the project may be 0 (ftok(3))", func(t *testing.T) {
		file := shmFile(t)
		for name, link := range map[string]func(old, new string) error{"symbolic": os.Symlink, "hard": os.Link} {
			path := filepath.Join(t.TempDir(), name)
			if err := link(file, path); err != nil {
				t.Fatal(err)
			}
			for _, proj := range []byte{0, 'x'} {
				want, err := sysv.Ftok(file, proj)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := sysv.Ftok(path, proj); err != nil || got != want || byte(uint32(got)>>24) != proj {
					t.Errorf("project %d through a %s link: %v, %v, want %v", proj, name, got, err, want)
				}
			}
		}
	}},
}

func shmFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
