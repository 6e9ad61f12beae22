//go:build linux && !android

package interop_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

var php = language{"PHP", interpreted("share.php",
	[]string{"php", "-r", "exit(array_diff(['shmop', 'sysvmsg', 'sysvsem', 'sysvshm'], get_loaded_extensions()) ? 1 : 0);"},
), "php-cli", phpLock}

func phpLock(ctx context.Context, key sysv.Key) (*sem.Set, error) { return semGet(ctx, key, 1) }

// semGet is that of the documentation of package sem, which explains it.
func semGet(ctx context.Context, key sysv.Key, permits int) (*sem.Set, error) {
	const value, users, getting = 0, 1, 2
	// All 0, and not the permits at once: sem_get does not wait until a set has
	// its values. One that came in between would give the permits, and ours were
	// added to them. Nil is for one user: PHP's default is Mode 0o666.
	set, _, err := sem.OpenOrCreate(ctx, key, []int{0, 0, 0}, nil)
	if err != nil {
		return nil, err
	}
	err = set.Do(ctx,
		sem.Op{Num: getting},
		sem.Op{Num: getting, Delta: +1, Flags: sem.Undo},
		sem.Op{Num: users, Delta: +1, Flags: sem.Undo})
	if err != nil {
		return nil, err
	}
	n, err := set.Value(users)
	if err == nil && n == 1 {
		err = set.SetValue(value, permits)
	}
	// Others wait for this, even if ctx has ended by now.
	_, gaveBack := set.Try(sem.Op{Num: getting, Delta: -1, Flags: sem.Undo})
	return set, errors.Join(err, gaveBack)
}

func TestPHPExample(t *testing.T) {
	code := func(path string) string {
		text, err := os.ReadFile(path)
		kit.Must(t, err)
		_, after, _ := strings.Cut(string(text), "\nfunc semGet(")
		body, _, _ := strings.Cut(after, "\n}\n")
		return body
	}
	if shown, tested := code("../../../sem/example_php_test.go"), code("php_test.go"); shown != tested || shown == "" {
		t.Errorf("the documentation shows\n%s\ntested is\n%s", shown, tested)
	}
}

// Users come and go, and only the first gives the permits their value.
func TestPHPCountsUsers(t *testing.T) {
	p, key := php.start(t), newKey(t)
	p.do("make-set", key, 3)
	set, err := sem.Open(kit.Patient(t), key, nil)
	kit.Must(t, err)
	wantValues(t, set, 3, 1, 0)

	_, err = semGet(kit.Patient(t), key, 9)
	kit.Must(t, err)
	p.do("lock", key)
	wantValues(t, set, 2, 2, 0)
	p.Finish()
	wantValues(t, set, 3, 1, 0)

	q := php.start(t)
	q.do("make-set", key, 9)
	wantValues(t, set, 3, 2, 0)
}

// Whoever takes the lock without counting as a user does not keep PHP out.
// That is why semGet is needed.
func TestPHPIgnoresALockWithoutUsers(t *testing.T) {
	p, key := php.start(t), newKey(t)
	set, err := sem.Create(key, []int{1, 0, 0}, nil)
	kit.Must(t, err)
	kit.Must(t, set.Mutex(0).Lock(kit.Patient(t)))
	p.do("lock", key)
	wantValues(t, set, 0, 1, 0)
}

// A segment of sysvshm begins with a magic word and four integers of PHP's: where
// its variables begin and end, how many bytes are free, and its size. The
// variables are as serialize makes them.
func TestPHPVariables(t *testing.T) {
	const size = 1000
	for _, maker := range []string{"Go", "PHP"} {
		t.Run("made by "+maker, func(t *testing.T) {
			p, key := php.start(t), newKey(t)
			if maker == "Go" {
				_, err := shm.Create(key, size, nil)
				kit.Must(t, err)
			}
			p.do("put-variable", key, size, 7, "hello")
			seg, err := shm.Open(key, nil)
			kit.Must(t, err)
			mem := attach(t, seg).Bytes()
			if !bytes.HasPrefix(mem, []byte("PHP_SM\x00")) {
				t.Fatalf("the segment begins with %q", mem[:8])
			}
			if total := binary.NativeEndian.Uint64(mem[32:]); total != size || seg.Size() != size {
				t.Errorf("%d bytes to PHP, %d to Go, want %d", total, seg.Size(), size)
			}
			at := bytes.Index(mem, []byte(`s:5:"hello";`))
			if at < 0 {
				t.Fatalf("no variable in %q", mem)
			}
			copy(mem[at:], `s:5:"world";`)
			if got := p.do("variable", key, 7); got != "world" {
				t.Errorf("PHP reads %q, want world", got)
			}
		})
	}
}
