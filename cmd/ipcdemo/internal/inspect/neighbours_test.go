//go:build linux && !android

package inspect

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// neighbour is a program of others that uses what gc looks at. Each is run as a user of its
// own, by whom its objects are known.
type neighbour struct {
	uid   uint32
	group int // of processes
	wait  func()
}

// neighbours start one that has what it makes, and uses it, each in its own way.
var neighbours = map[string]func(t *testing.T, uid uint32) *neighbour{
	"Python":     python,
	"PHP":        php,
	"PostgreSQL": postgres,
	"Apache":     apache,
}

// TestNeighbours starts, uses and kills programs of others in random order. Nothing of one
// that lives is ever a candidate, and all that the dead have left is found, and removed.
func TestNeighbours(t *testing.T) {
	if os.Geteuid() != 0 || os.Getenv("SYSVTEST_INNER") == "" {
		t.Skip("skipping, can't be several users in an IPC namespace of their own: run as root")
	}
	rounds := map[string]int{"": 2, "tenth": 20, "full": 200}[os.Getenv("SYSVIPC_STORM")]
	seed := rand.Uint64()
	if s, err := strconv.ParseUint(os.Getenv("SYSVIPC_SEED"), 10, 64); err == nil {
		seed = s
	}
	t.Logf("SYSVIPC_SEED=%d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	available := installed(t)
	if len(available) == 0 {
		t.Skip("skipping, no neighbours: apt-get install python3-sysv-ipc php-cli postgresql apache2")
	}
	uid := uint32(60000)
	living := make(map[uint32]*neighbour)
	var started, killed, found int
	defer func() {
		for _, n := range living {
			n.kill()
		}
		if slices.Contains(available, "PostgreSQL") {
			if dir, err := cluster(); err == nil {
				os.RemoveAll(dir)
			}
		}
	}()
	for round := range rounds {
		n := 1 + r.IntN(3)
		if round == 0 {
			n = len(available) // each once at least
		}
		for i := range n {
			name := available[(round+i)%len(available)]
			uid++
			living[uid] = neighbours[name](t, uid)
			started++
		}
		check(t, living, false)
		for _, n := range living {
			if r.IntN(2) == 0 || round == rounds-1 {
				n.kill()
				delete(living, n.uid)
				killed++
			}
		}
		found += check(t, living, true)
	}
	t.Logf("storm: %d rounds, %d programs started, %d killed, %d objects of theirs found", rounds, started, killed, found)
	if found < killed {
		t.Errorf("%d killed programs left only %d objects", killed, found)
	}
}

// check holds what gc finds against who lives, and removes what the dead have left.
func check(t *testing.T, living map[uint32]*neighbour, remove bool) (found int) {
	t.Helper()
	j, err := newJudge(0)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range j.findings(ofAll) {
		if f.perm.CUID < 60000 || f.perm.CUID == 65534 {
			continue // not of these
		}
		switch lives := living[f.perm.CUID] != nil; {
		case lives && f.sure != needed:
			t.Errorf("%s %d of %d, which lives, is a candidate: %s", f.kind(), f.id, f.perm.CUID, f.why)
		case !lives && f.sure == needed:
			t.Errorf("%s %d of %d, which is dead, is none: %s", f.kind(), f.id, f.perm.CUID, f.why)
		case !lives && remove:
			if why, err := new(Gc).removeOne(f); why != "" || err != nil {
				t.Errorf("%s %d was not removed: %s, %v", f.kind(), f.id, why, err)
			}
			found++
		}
	}
	return found
}

// kill kills all its processes, and waits until they have let go of everything.
func (n *neighbour) kill() {
	for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(5 * time.Millisecond) {
		syscall.Kill(-n.group, syscall.SIGKILL)
		all, err := processes()
		left := 0
		for _, p := range all {
			if p.uid == n.uid {
				syscall.Kill(p.pid, syscall.SIGKILL)
				left++
			}
		}
		if err == nil && left == 0 {
			break
		}
	}
	n.wait()
}

func installed(t *testing.T) (names []string) {
	has := map[string]bool{
		"Python":     exec.Command("/usr/bin/python3", "-c", "import sysv_ipc").Run() == nil,
		"PHP":        exec.Command("php", "-r", "exit(function_exists('sem_get') ? 0 : 1);").Run() == nil,
		"PostgreSQL": postgresIn() != "",
		"Apache":     apacheModules() != "",
	}
	for _, name := range []string{"Python", "PHP", "PostgreSQL", "Apache"} {
		if has[name] {
			names = append(names, name)
		} else {
			t.Logf("without %s, which is not installed", name)
		}
	}
	return names
}

// begin starts a program as a user, in a directory of his, and in a group of its own.
func begin(t *testing.T, uid uint32, name string, args ...string) (*exec.Cmd, io.Reader) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return cmd, out
}

// ready waits for the line that says so.
func ready(t *testing.T, cmd *exec.Cmd, out io.Reader, uid uint32) *neighbour {
	t.Helper()
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		if lines.Text() == "ready" {
			return &neighbour{uid, cmd.Process.Pid, func() { cmd.Wait() }}
		}
		said = append(said, lines.Text())
	}
	t.Fatalf("%v said\n%s", cmd, strings.Join(said, "\n"))
	return nil
}

func python(t *testing.T, uid uint32) *neighbour {
	const program = `
import sysv_ipc, time
s = sysv_ipc.Semaphore(None, sysv_ipc.IPC_CREX, initial_value=1); s.acquire(); s.release()
q = sysv_ipc.MessageQueue(None, sysv_ipc.IPC_CREX); q.send(b"x")
m = sysv_ipc.SharedMemory(None, sysv_ipc.IPC_CREX, size=5000); m.detach()
print("ready", flush=True)
time.sleep(1000)
`
	cmd, out := begin(t, uid, "/usr/bin/python3", "-c", program)
	return ready(t, cmd, out, uid)
}

// php has a child that waits in a queue into which nobody sends.
func php(t *testing.T, uid uint32) *neighbour {
	program := fmt.Sprintf(`
$s = sem_get(%[1]d); sem_acquire($s);
$q = msg_get_queue(%[1]d); msg_send($q, 1, "x");
$m = shm_attach(%[1]d, 10000); shm_put_var($m, 1, "x"); shm_detach($m);
echo "ready\n"; flush();
msg_receive($q, 2, $type, 100, $data);
`, 0x5000000+int(uid))
	cmd, out := begin(t, uid, "php", "-r", program)
	return ready(t, cmd, out, uid)
}

// postgresIn is where PostgreSQL's programs are.
func postgresIn() string {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[len(found)-1])
}

// cluster is a database cluster, made once, of which each server gets a copy.
var cluster = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cluster")
	if err != nil {
		return "", err
	}
	const nobody = 65534 // initdb wants its user to have a name
	if err := os.Chown(dir, nobody, nobody); err != nil {
		return "", err
	}
	cmd := exec.Command(postgresIn()+"/initdb", "-D", dir+"/data", "-A", "trust", "-N")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("initdb: %v\n%s", err, out)
	}
	return dir, nil
})

func postgres(t *testing.T, uid uint32) *neighbour {
	from, err := cluster()
	if err != nil {
		t.Fatal(err)
	}
	dir := home(t, uid)
	data := filepath.Join(dir, "data")
	script := `cp -r "$1/data" "$2" && chown -R "$3:$3" "$2"`
	if out, err := exec.Command("sh", "-c", script, "sh", from, data, fmt.Sprint(uid)).CombinedOutput(); err != nil {
		t.Fatalf("copying a cluster: %v\n%s", err, out)
	}
	cmd := exec.Command(postgresIn()+"/postgres", "-D", data, "-c", "shared_memory_type=sysv", "-c", "dynamic_shared_memory_type=sysv",
		"-c", "listen_addresses=", "-c", "unix_socket_directories="+dir, "-c", "shared_buffers=1MB", "-c", "fsync=off")
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	return daemon(t, cmd, uid)
}

// home is a directory of a user.
func home(t *testing.T, uid uint32) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "neighbour")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chown(dir, int(uid), int(uid)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// daemon starts one that says nothing, and waits until it has made something.
func daemon(t *testing.T, cmd *exec.Cmd, uid uint32) *neighbour {
	t.Helper()
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	for {
		l, err := list(ofAll)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range l.objects(ofAll) {
			if o.perm.CUID == uid {
				return &neighbour{uid, cmd.Process.Pid, func() { <-ended }}
			}
		}
		select {
		case <-ended:
			t.Fatalf("%v ended: %s", cmd, said.String())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// apacheModules is where Apache's modules are.
func apacheModules() string {
	const dir = "/usr/lib/apache2/modules"
	if _, err := exec.LookPath("apache2"); err != nil || !exists(dir+"/mod_mpm_prefork.so") {
		return ""
	}
	return dir
}

// apache takes turns at two sockets, for which its children have a set.
func apache(t *testing.T, uid uint32) *neighbour {
	dir := home(t, uid)
	config := fmt.Sprintf(`
LoadModule mpm_prefork_module %[2]s/mod_mpm_prefork.so
LoadModule authz_core_module %[2]s/mod_authz_core.so
ServerRoot %[1]s
ServerName localhost
PidFile %[1]s/pid
ErrorLog %[1]s/log
Listen 127.0.0.1:%[3]d
Listen 127.0.0.1:%[4]d
Mutex sysvsem default
StartServers 2
`, dir, apacheModules(), 20000+uid%10000*2, 20001+uid%10000*2)
	file := filepath.Join(dir, "apache2.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("apache2", "-f", file, "-DFOREGROUND")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: &syscall.Credential{Uid: uid, Gid: uid}}
	return daemon(t, cmd, uid)
}
