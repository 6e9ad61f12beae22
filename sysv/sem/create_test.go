//go:build linux && !android

package sem_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/emulator"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
	"github.com/google/go-cmp/cmp"
)

func ramp(n int) []int {
	values := make([]int, n)
	for i := range values {
		values[i] = i % (1 << 15)
	}
	return values
}

func TestCreateGivesTheValues(t *testing.T) {
	for name, values := range map[string][]int{
		"one":                           {7},
		"one zero":                      {0},
		"mixed":                         {3, 0, 32767, 1},
		"zeros":                         {0, 0, 0},
		"as many as SEMOPM":             repeat(500, 5),
		"more than SEMOPM":              repeat(501, 5),
		"more than SEMOPM, first zero":  ramp(502),
		"more than SEMOPM, few of them": append(repeat(600, 0), 9),
		"more zeros than SEMOPM":        repeat(501, 0),
		"SEMMSL":                        ramp(32000),
		"SEMMSL zeros":                  repeat(32000, 0),
	} {
		t.Run(name, func(t *testing.T) {
			key := newKey(t)
			s, err := sem.Create(key, values, nil)
			kit.Must(t, err)
			if s.Len() != len(values) || s.Key() != key {
				t.Errorf("Len %d, Key %v, want %d, %v", s.Len(), s.Key(), len(values), key)
			}
			wantValues(t, s, values...)
			stat, err := s.Stat()
			kit.Must(t, err)
			if stat.OTime.IsZero() {
				t.Error("no OTime: openers would think that it has no values")
			}
			opened, err := sem.Open(kit.Patient(t), key, nil)
			kit.Must(t, err)
			if opened.ID() != s.ID() || opened.Len() != s.Len() || opened.Key() != key {
				t.Errorf("opened id %d, len %d, key %v", opened.ID(), opened.Len(), opened.Key())
			}
		})
	}
}

func TestCreateIsExclusive(t *testing.T) {
	key := newKey(t)
	s, err := sem.Create(key, []int{1, 2}, nil)
	kit.Must(t, err)
	_, err = sem.Create(key, []int{8, 9}, nil)
	kit.WantError(t, err, fs.ErrExist)
	if e, ok := errors.AsType[*sysv.Error](err); !ok || e.Op != "semget" || e.Key != key || e.ID != -1 {
		t.Errorf("%#v", err)
	}
	wantValues(t, s, 1, 2)
}

func TestPrivateSetsAreDistinct(t *testing.T) {
	a, b := newSet(t, 1), newSet(t, 2)
	if a.ID() == b.ID() {
		t.Errorf("both have id %d", a.ID())
	}
	if a.Key() != sysv.Private {
		t.Errorf("key %v", a.Key())
	}
	wantValues(t, a, 1)
	wantValues(t, b, 2)
}

func TestNegativeKeys(t *testing.T) {
	for _, key := range []sysv.Key{0xffffffff, 1 << 31} {
		s, err := sem.Create(key, []int{4}, nil)
		kit.Must(t, err)
		opened, err := sem.Open(kit.Patient(t), key, nil)
		if err != nil {
			t.Error(err)
		} else if opened.ID() != s.ID() {
			t.Errorf("key %v opens set %d, want %d", key, opened.ID(), s.ID())
		}
		kit.Must(t, s.Remove())
	}
}

func TestCreateRefuses(t *testing.T) {
	key := newKey(t)
	for _, tt := range []struct {
		name   string
		values []int
		mode   fs.FileMode
		err    error
		hint   string
	}{
		{"no values", nil, 0, syscall.EINVAL, "not 0"},
		{"too many for the kernel's numbers", repeat(65537, 1), 0, syscall.EINVAL, "not 65537"},
		{"more than SEMMSL", repeat(32001, 1), 0, syscall.EINVAL, "at most 32000 (SEMMSL"},
		{"a negative value", []int{1, -1}, 0, syscall.ERANGE, "value -1 of semaphore 1"},
		{"a value past SEMVMX", []int{32768}, 0, syscall.ERANGE, "value 32768 of semaphore 0"},
		{"a value that would wrap to 1", []int{65537}, 0, syscall.ERANGE, "value 65537"},
		{"a mode with set-uid bit", []int{1}, 0o4600, syscall.EINVAL, "0o777"},
		{"a mode with the kernel's IPC_CREAT", []int{1}, 0o1600, syscall.EINVAL, "0o777"},
		{"a mode of a directory", []int{1}, fs.ModeDir | 0o700, syscall.EINVAL, "0o777"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := sem.Create(key, tt.values, &sem.Config{Mode: tt.mode})
			kit.WantHint(t, err, tt.err, tt.hint)
			_, created, err := sem.OpenOrCreate(kit.Patient(t), key, tt.values, &sem.Config{Mode: tt.mode})
			kit.WantHint(t, err, tt.err, tt.hint)
			if created {
				t.Error("OpenOrCreate says that it created")
			}
			_, err = sem.Open(kit.Patient(t), key, nil)
			kit.WantError(t, err, fs.ErrNotExist)
		})
	}
}

// create makes a set, looks at it by its id, and stays until its input ends.
var create = sysvtest.Helper("create", func(args []string) error {
	key, mode, err := kit.KeyAndMode(args)
	if err != nil {
		return err
	}
	syscall.Umask(0o777) // which plays no part
	made, err := sem.Create(key, []int{3, 0, 5}, &sem.Config{Mode: mode})
	if err != nil {
		return err
	}
	s, err := sem.OpenID(made.ID())
	if err != nil {
		return err
	}
	values, err := s.Values()
	fmt.Println(s.ID(), values, outcome(err))
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
})

// A mode without owner write forbids giving the values to whom the kernel does
// not let pass as root.
func TestModeIsExact(t *testing.T) {
	emulator.Mode.Skip(t)
	for _, tt := range []struct {
		mode, want fs.FileMode
		read       string
	}{
		{0, 0o600, "[3 0 5] ok"},
		{0o400, 0o400, "[3 0 5] ok"},
		{0o440, 0o440, "[3 0 5] ok"},
		{0o666, 0o666, "[3 0 5] ok"},
		{0o200, 0o200, "[] EACCES"},
		{0o002, 0o002, "[] EACCES"},
		{0o777, 0o777, "[3 0 5] ok"},
	} {
		t.Run(fmt.Sprintf("%#o", uint32(tt.mode)), func(t *testing.T) {
			key := newKey(t)
			p := sysvtest.StartCommand(t, kit.Ordinary(sysvtest.Command(create, key.String(), fmt.Sprintf("%o", uint32(tt.mode)))))
			s, err := openWhenPrinted(t, p, tt.read)
			kit.Must(t, err)
			p.Finish()
			for _, stat := range list(t) {
				if stat.ID == s.ID() && stat.Mode != tt.want {
					t.Errorf("mode %#o, want %#o", uint32(stat.Mode), uint32(tt.want))
				}
			}
			opened, err := sem.Open(kit.Patient(t), key, nil)
			kit.Must(t, err)
			kit.Must(t, opened.SetMode(0o600))
			wantValues(t, opened, 3, 0, 5)
		})
	}
}

// openWhenPrinted opens the set whose id a create helper prints, if the rest of
// the line is as wanted.
func openWhenPrinted(t *testing.T, p *sysvtest.Process, rest string) (*sem.Set, error) {
	t.Helper()
	line := p.Line()
	var id int
	if _, err := fmt.Sscan(line, &id); err != nil {
		t.Fatalf("helper printed %q", line)
	}
	if diff := cmp.Diff(fmt.Sprintf("%d %s", id, rest), line); diff != "" {
		t.Errorf("helper (-want +got):\n%s", diff)
	}
	return sem.OpenID(id)
}

func TestFirstIDOfANamespaceIsZero(t *testing.T) {
	emulator.Namespaces.Skip(t)
	kit.NeedRoot(t, "may make an IPC namespace without another user's")
	cmd := sysvtest.Command(create, "0x4d2", "600")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWIPC}
	p := sysvtest.StartCommand(t, cmd)
	p.Expect("0 [3 0 5] ok")
	p.Finish()
}
