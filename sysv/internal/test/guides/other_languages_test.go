//go:build linux && !android

package guides

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

const otherLanguages = "docs/other-languages.md"

func TestOtherLanguagesShown(t *testing.T) {
	wantGo(t, otherLanguages, "other_languages_test.go")
	example, err := os.ReadFile(root + "sysv/sem/example_php_test.go")
	kit.Must(t, err)
	if shown := block(t, otherLanguages, "go", "func semGet("); !strings.Contains(string(example), "\n"+shown) {
		t.Errorf("the guide shows\n%s\nwhich is not the example of package sem", shown)
	}
}

// What the guide shows, in its order.

const key sysv.Key = 0x4d2

func countInGo(ctx context.Context) error {
	set, err := sem.Open(ctx, key, nil)
	check(err)
	seg, err := shm.Open(key, nil)
	check(err)
	queue, err := msg.Open(key, nil)
	check(err)
	mem, err := seg.Attach(nil)
	check(err)
	defer mem.Detach()
	count, err := shm.View[int64](mem, 0)
	check(err)

	lock := set.Mutex(0)
	check(lock.Lock(ctx))
	*count++
	check(lock.Unlock())
	return queue.Send(ctx, 1, []byte("counted"))
}

// semGet is that of package sem's documentation.
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

// lockWithPHP is how Go takes part.
func lockWithPHP(ctx context.Context) (*sem.Set, *sem.Mutex) {
	set, err := semGet(ctx, 0x4d3, 1)
	check(err)
	lock := set.Mutex(0)
	check(lock.Lock(ctx))

	return set, lock
}

// phpVariable returns what shm_put_var has stored under a number, serialized. It
// trusts the header: the segment must be PHP's.
func phpVariable(mem []byte, number uint64) (serialized []byte, ok bool) {
	word := func(at uint64) uint64 { return binary.NativeEndian.Uint64(mem[at:]) }
	if !bytes.HasPrefix(mem, []byte("PHP_SM\x00")) {
		return nil, false
	}
	for at, end := word(8), word(16); at < end; at += word(at + 16) {
		if word(at) == number {
			return mem[at+24:][:word(at+8)], true
		}
	}
	return nil, false
}

// A language runs scripts.
type language struct {
	name        string
	interpreter func() string // "" if there is none with its modules
	run         string        // what hands a script to it
	install     string
	waitForTest string // has a script wait until the test is done with it
}

var (
	// The first Python in the PATH need not be Debian's, which has the module.
	python = language{"python", first([]string{"/usr/bin/python3", "-c", "import sysv_ipc"}, []string{"python3", "-c", "import sysv_ipc"}),
		"-c", "python3-sysv-ipc", "import sys; print('ready', flush=True); sys.stdin.read()"}
	perl = language{"perl", first([]string{"perl", "-MIPC::SharedMem", "-MIPC::Semaphore", "-MIPC::Msg", "-e1"}),
		"-e", "perl", "$| = 1; print qq(ready\n); <STDIN>;"}
	php = language{"php", first([]string{"php", "-r", "exit(array_diff(['shmop', 'sysvmsg', 'sysvsem', 'sysvshm'], get_loaded_extensions()) ? 1 : 0);"}),
		"-r", "php-cli", `echo "ready\n"; fgets(STDIN);`}
)

// first returns the program of the first probe that succeeds.
func first(probes ...[]string) func() string {
	return sync.OnceValue(func() string {
		for _, probe := range probes {
			if exec.Command(probe[0], probe[1:]...).Run() == nil {
				return probe[0]
			}
		}
		return ""
	})
}

// command is that of a script, with or without what PHP's begin with.
func (l language) command(t *testing.T, script string) *exec.Cmd {
	t.Helper()
	if l.interpreter() == "" {
		t.Skipf("skipping, no %s: apt-get install %s", l.name, l.install)
	}
	return exec.Command(l.interpreter(), l.run, strings.TrimPrefix(script, "<?php\n"))
}

// says runs a script and returns what it prints.
func (l language) says(t *testing.T, script string) string {
	t.Helper()
	out, err := l.command(t, script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", l.name, err, out)
	}
	return strings.TrimSpace(string(out))
}

// stays starts a script that stays alive.
func (l language) stays(t *testing.T, script string) *sysvtest.Process {
	t.Helper()
	p := sysvtest.StartCommand(t, l.command(t, script+"\n"+l.waitForTest))
	p.Expect("ready")
	return p
}

// shared makes the objects of the guide's key, and removes them after the test.
func shared(t *testing.T) (*sem.Set, *shm.Mapping, *msg.Queue) {
	t.Helper()
	set, err := sem.Create(key, []int{1}, nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, set.Remove()) })
	seg, err := shm.Create(key, 4096, nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, seg.Remove()) })
	mem, err := seg.Attach(nil)
	kit.Must(t, err)
	t.Cleanup(func() { mem.Detach() })
	queue, err := msg.Create(key, nil)
	kit.Must(t, err)
	t.Cleanup(func() { kit.Must(t, queue.Remove()) })
	return set, mem, queue
}

// removeAfter removes what others have made under a key.
func removeAfter(t *testing.T, key sysv.Key) {
	t.Cleanup(func() {
		if seg, err := shm.Open(key, nil); err == nil {
			kit.Must(t, seg.Remove())
		}
		if set, err := sem.Open(context.Background(), key, nil); err == nil {
			kit.Must(t, set.Remove())
		}
		if queue, err := msg.Open(key, nil); err == nil {
			kit.Must(t, queue.Remove())
		}
	})
}

// The programs of the guide count together.
func TestOtherLanguages(t *testing.T) {
	for _, l := range []language{python, perl, php} {
		t.Run(l.name, func(t *testing.T) {
			_, mem, queue := shared(t)
			removeAfter(t, 0x4d3)
			script := block(t, otherLanguages, l.name, "counted")
			l.says(t, script)
			kit.Must(t, countInGo(t.Context()))
			l.says(t, script)
			count, err := shm.View[int64](mem, 0)
			kit.Must(t, err)
			want(t, "the count", *count, 3)
			for range 3 {
				m, ok, err := queue.TryNext(msg.Any)
				if !ok || err != nil || m.Type != 1 || string(m.Data) != "counted" {
					t.Errorf("received %v %q, %v, %v", m.Type, m.Data, ok, err)
				}
			}
		})
	}
}

// The table: what kill -9 frees, what a new segment holds, who may use it, and what a
// signal does.

func TestOtherLanguagesKilled(t *testing.T) {
	for name, tt := range map[string]struct {
		l      language
		script string
		freed  bool
	}{
		"python with undo": {python, "import sysv_ipc\ns = sysv_ipc.Semaphore(0x4d2)\ns.undo = True\ns.acquire()", true},
		"python without":   {python, "import sysv_ipc\nsysv_ipc.Semaphore(0x4d2).acquire()", false},
		"perl with undo":   {perl, "use IPC::SysV qw(SEM_UNDO); use IPC::Semaphore; IPC::Semaphore->new(0x4d2, 1, 0)->op(0, -1, SEM_UNDO);", true},
		"perl without":     {perl, "use IPC::Semaphore; IPC::Semaphore->new(0x4d2, 1, 0)->op(0, -1, 0);", false},
	} {
		t.Run(name, func(t *testing.T) {
			set, _, _ := shared(t)
			p := tt.l.stays(t, tt.script)
			wantLocked(t, set, true)
			p.Kill()
			wantLocked(t, set, !tt.freed)
		})
	}
	t.Run("php", func(t *testing.T) {
		removeAfter(t, 0x4d3)
		set, err := semGet(t.Context(), 0x4d3, 1)
		kit.Must(t, err)
		p := php.stays(t, "$lock = sem_get(0x4d3, 1, 0600, false); sem_acquire($lock);")
		wantLocked(t, set, true)
		p.Kill()
		wantLocked(t, set, false)
	})
}

// wantLocked checks the first semaphore of a set.
func wantLocked(t *testing.T, set *sem.Set, locked bool) {
	t.Helper()
	if value := kit.Number(t)(set.Value(0)); (value == 0) != locked {
		t.Errorf("the semaphore is %d, want it locked: %v", value, locked)
	}
}

func TestOtherLanguagesNewObjects(t *testing.T) {
	for name, tt := range map[string]struct {
		l      language
		script string
		holds  byte
		mode   fs.FileMode
	}{
		"python":            {python, "import sysv_ipc as s\ns.SharedMemory(0x4d2, s.IPC_CREX, size=8)\ns.Semaphore(0x4d2, s.IPC_CREX)\ns.MessageQueue(0x4d2, s.IPC_CREX)", ' ', 0o600},
		"python with zeros": {python, `import sysv_ipc as s` + "\n" + `s.SharedMemory(0x4d2, s.IPC_CREX, size=8, init_character=b"\0")`, 0, 0o600},
		"perl":              {perl, "use IPC::SysV qw(IPC_CREAT); use IPC::SharedMem; IPC::SharedMem->new(0x4d2, 8, IPC_CREAT | 0640);", 0, 0o640},
		"php":               {php, "shmop_open(0x4d2, 'n', 0600, 8);", 0, 0o600},
	} {
		t.Run(name, func(t *testing.T) {
			removeAfter(t, key)
			tt.l.says(t, tt.script)
			seg, err := shm.Open(key, nil)
			kit.Must(t, err)
			mem, err := seg.Attach(nil)
			kit.Must(t, err)
			defer mem.Detach()
			want(t, "what it holds", string(mem.Bytes()), strings.Repeat(string(tt.holds), 8))
			st, err := seg.Stat()
			kit.Must(t, err)
			want(t, "the mode", st.Mode, tt.mode)
		})
	}
	t.Run("php without a mode", func(t *testing.T) {
		removeAfter(t, key)
		php.says(t, "sem_get(0x4d2); msg_get_queue(0x4d2);")
		set, err := sem.Open(t.Context(), key, nil)
		kit.Must(t, err)
		ofSet, err := set.Stat()
		kit.Must(t, err)
		queue, err := msg.Open(key, nil)
		kit.Must(t, err)
		ofQueue, err := queue.Stat()
		kit.Must(t, err)
		want(t, "the set's mode", ofSet.Mode, 0o666)
		want(t, "the queue's mode", ofQueue.Mode, 0o666)
	})
}

func TestOtherLanguagesSignal(t *testing.T) {
	set, _, _ := shared(t)
	kit.Must(t, set.Mutex(0).Lock(t.Context()))
	want(t, "Python's wait", python.says(t, `
import signal, sysv_ipc
signal.signal(signal.SIGALRM, lambda *a: None)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
try:
    sysv_ipc.Semaphore(0x4d2).acquire()
except sysv_ipc.Error as e:
    signal.setitimer(signal.ITIMER_REAL, 0)
    print(e)`), "Signaled while waiting")
	want(t, "Perl's wait", perl.says(t, `
use IPC::SysV qw(SEM_UNDO); use IPC::Semaphore; use Time::HiRes qw(ualarm);
$SIG{ALRM} = sub {}; ualarm 10000, 10000;
my $locked = IPC::Semaphore->new(0x4d2, 1, 0)->op(0, -1, SEM_UNDO);
my $why = $!{EINTR};
ualarm 0;
print $locked ? "locked" : "false, $why";`), "false, 4")
	kit.Must(t, set.Mutex(0).Unlock())

	removeAfter(t, 0x4d3)
	lock, err := semGet(t.Context(), 0x4d3, 1)
	kit.Must(t, err)
	kit.Must(t, lock.Mutex(0).Lock(t.Context()))
	p := sysvtest.StartCommand(t, php.command(t, `
		pcntl_signal(SIGUSR1, fn() => 0);
		$lock = sem_get(0x4d3);
		echo "ready\n";
		sem_acquire($lock);
		echo "locked\n";`))
	p.Expect("ready")
	kit.Eventually(t, "it waits", func() bool { return kit.Number(t)(lock.Waiters(0)) == 1 })
	kit.Must(t, p.Process.Signal(syscall.SIGUSR1))
	kit.Must(t, lock.Mutex(0).Unlock())
	p.Expect("locked")
}

// What each language's section warns of, in its order.

func TestPython(t *testing.T) {
	_, mem, queue := shared(t)
	want(t, "what read returns", python.says(t, "import sysv_ipc\nprint(len(sysv_ipc.SharedMemory(0x4d2).read()))"), "4096")
	want(t, "the segment's size", mem.Len(), 4096)
	kit.Must(t, queue.Send(t.Context(), 1, make([]byte, 2049)))
	want(t, "what becomes of 2049 bytes", python.says(t, `
import errno, sysv_ipc
try:
    sysv_ipc.MessageQueue(0x4d2).receive()
except OSError as e:
    print(e.errno == errno.E2BIG)
print(len(sysv_ipc.MessageQueue(0x4d2, max_message_size=8192).receive()[0]))`), "True\n2049")
}

func TestPerl(t *testing.T) {
	want(t, "who was refused", perl.says(t, `use IPC::Semaphore; my $lock = IPC::Semaphore->new(0x4d2, 1, 0); print "goes on: $!"`),
		"goes on: No such file or directory")

	set, _, _ := shared(t)
	perl.says(t, "use IPC::SysV qw(SEM_UNDO); use IPC::Semaphore; my $lock = IPC::Semaphore->new(0x4d2, 1, 0); $lock->op(0, -1, SEM_UNDO); $lock->op(0, +1, 0);")
	want(t, "the lock after +1 without undo", kit.Number(t)(set.Value(0)), 2)

	const other sysv.Key = 0x4d4
	removeAfter(t, other)
	p := sysvtest.StartCommand(t, perl.command(t, `
		use IPC::SysV qw(IPC_CREAT); use IPC::Semaphore;
		my $set = IPC::Semaphore->new(0x4d4, 1, IPC_CREAT | 0600);
		$| = 1; print "made\n"; <STDIN>;
		$set->setval(0, 1); print "set\n";`))
	p.Expect("made")
	_, err := sem.Open(kit.Brief(t), other, nil)
	kit.WantError(t, err, sysv.ErrNotInitialized)
	open := kit.Async(t, func() error { _, err := sem.Open(kit.Patient(t), other, nil); return err })
	want(t, "what others see", perl.says(t, "use IPC::Semaphore; print 0 + IPC::Semaphore->new(0x4d4, 1, 0)->getval(0);"), "0")
	p.Send("go on")
	p.Expect("set")
	kit.Must(t, open())
}

func TestPHPLocks(t *testing.T) {
	const other sysv.Key = 0x4d3
	get := func(t *testing.T) *sem.Set {
		removeAfter(t, other)
		set, lock := lockWithPHP(t.Context())
		kit.Must(t, lock.Unlock())
		return set
	}
	t.Run("who is not counted", func(t *testing.T) {
		removeAfter(t, other)
		set, err := sem.Create(other, []int{1, 0, 0}, nil)
		kit.Must(t, err)
		kit.Must(t, set.Mutex(0).Lock(t.Context()))
		want(t, "PHP's lock", php.says(t, "$lock = sem_get(0x4d3); var_dump(sem_acquire($lock, true));"), "bool(true)")
	})
	t.Run("who is counted", func(t *testing.T) {
		set := get(t)
		kit.Must(t, set.Mutex(0).Lock(t.Context()))
		want(t, "PHP's lock", php.says(t, "$lock = sem_get(0x4d3); var_dump(sem_acquire($lock, true));"), "bool(false)")
	})
	t.Run("a set of one", func(t *testing.T) {
		shared(t)
		want(t, "sem_get", php.says(t, "var_dump(@sem_get(0x4d2));"), "bool(false)")
		get(t)
		_, _, err := sem.OpenOrCreate(t.Context(), other, []int{1}, nil)
		kit.WantError(t, err, sysv.ErrSize)
	})
	for name, tt := range map[string]struct {
		script string
		locked bool
	}{
		"a variable":              {"$lock = sem_get(0x4d3, 1, 0600); sem_acquire($lock);", true},
		"no variable":             {"sem_acquire(sem_get(0x4d3, 1, 0600));", false},
		"a variable out of scope": {"(function () { $lock = sem_get(0x4d3, 1, 0600); sem_acquire($lock); })();", false},
		"without auto-release":    {"$lock = sem_get(0x4d3, 1, 0600, false); sem_acquire($lock); unset($lock);", true},
	} {
		t.Run(name, func(t *testing.T) {
			set := get(t)
			p := php.stays(t, tt.script)
			wantLocked(t, set, tt.locked)
			p.Send("go on")
			p.Finish()
			wantLocked(t, set, false)
		})
	}
	t.Run("sem_remove", func(t *testing.T) {
		set := get(t)
		lock := set.Mutex(0)
		p := php.stays(t, "$lock = sem_get(0x4d3, 1, 0600); sem_acquire($lock);")
		wait := kit.Async(t, func() error { return lock.Lock(kit.Patient(t)) })
		kit.Eventually(t, "Go waits", func() bool { return kit.Number(t)(set.Waiters(0)) == 1 })
		php.says(t, "sem_remove(sem_get(0x4d3)); $lock = sem_get(0x4d3, 1, 0600);")
		kit.WantError(t, wait(), sysv.ErrRemoved)
		p.Kill()
		again, err := sem.Open(t.Context(), other, nil)
		kit.Must(t, err)
		if again.ID() == set.ID() {
			t.Error("the next sem_get found the set that was removed")
		}
	})
}

func TestPHPVariables(t *testing.T) {
	removeAfter(t, key)
	want(t, "what put returns", php.says(t, `
		$m = shm_attach(0x4d2);
		shm_put_var($m, 7, 'hello');
		shm_put_var($m, 8, [1, 2]);
		var_dump(@shm_put_var($m, 9, str_repeat('x', 10000)));`), "bool(false)")
	seg, err := shm.Open(key, nil)
	kit.Must(t, err)
	want(t, "the size", seg.Size(), 10_000)
	mem, err := seg.Attach(nil)
	kit.Must(t, err)
	defer mem.Detach()
	for number, serialized := range map[uint64]string{7: `s:5:"hello";`, 8: "a:2:{i:0;i:1;i:1;i:2;}", 9: ""} {
		got, ok := phpVariable(mem.Bytes(), number)
		if string(got) != serialized || ok != (serialized != "") {
			t.Errorf("variable %d is %q, %v, want %q", number, got, ok, serialized)
		}
	}

	// One gets, another gets and puts, the first puts: the other's is lost.
	p := sysvtest.StartCommand(t, php.command(t, `
		$m = shm_attach(0x4d2);
		shm_put_var($m, 1, 0);
		$n = shm_get_var($m, 1);
		echo "got\n";
		fgets(STDIN);
		shm_put_var($m, 1, $n + 1);`))
	p.Expect("got")
	php.says(t, "$m = shm_attach(0x4d2); shm_put_var($m, 1, shm_get_var($m, 1) + 1);")
	p.Send("go on")
	p.Finish()
	if got, _ := phpVariable(mem.Bytes(), 1); string(got) != "i:1;" {
		t.Errorf("counted %q, want one of two lost", got)
	}
}

func TestPHPAttachWrites(t *testing.T) {
	_, mem, _ := shared(t)
	copy(mem.Bytes(), strings.Repeat("x", 100))
	php.says(t, "shm_attach(0x4d2, 4096);")
	want(t, "the beginning", string(mem.Bytes()[:6]), "PHP_SM")
	want(t, "behind 40 bytes", string(mem.Bytes()[40:100]), strings.Repeat("x", 60))
	if strings.Contains(string(mem.Bytes()[8:40]), "x") {
		t.Errorf("the header is %q", mem.Bytes()[:40])
	}
}

func TestPHPMessages(t *testing.T) {
	_, _, queue := shared(t)
	php.says(t, "msg_send(msg_get_queue(0x4d2), 1, 'counted');")
	m, err := queue.Next(kit.Patient(t), msg.Any)
	kit.Must(t, err)
	want(t, "what Go receives", string(m.Data), `s:7:"counted";`)

	const receive = "msg_receive(msg_get_queue(0x4d2), 0, $type, 100, $data"
	kit.Must(t, queue.Send(t.Context(), 1, []byte("counted")))
	want(t, "what PHP receives", php.says(t, "var_dump(@"+receive+"));"), "bool(false)")
	if _, ok, err := queue.TryNext(msg.Any); ok || err != nil {
		t.Errorf("what PHP could not unserialize: %v, %v, want it lost", ok, err)
	}
	kit.Must(t, queue.Send(t.Context(), 1, []byte("counted")))
	want(t, "what PHP receives", php.says(t, receive+", false); echo $data;"), "counted")

	removeAfter(t, 0x4d3)
	want(t, "what there is", php.says(t, "var_dump(msg_queue_exists(0x4d3)); msg_get_queue(0x4d3);"), "bool(false)")
	if _, err := msg.Open(0x4d3, nil); err != nil {
		t.Errorf("msg_get_queue made none: %v", err)
	}
}
