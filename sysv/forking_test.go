//go:build linux && !android

package sysv_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"go/doc"
	"go/format"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/sysvtest"
)

// TestForkingGuide: what docs/forking.md shows is what the compiler and the
// tests see. Its first block is a whole program, the example of package shm as
// pkg.go.dev shows it; the others stand in this file.
func TestForkingGuide(t *testing.T) {
	blocks := strings.Split(read(t, "../docs/forking.md"), "```go\n")[1:]
	if len(blocks) < 2 {
		t.Fatalf("the guide has %d blocks of Go", len(blocks))
	}
	here := read(t, "forking_test.go")
	for i, block := range blocks {
		block, _, _ = strings.Cut(block, "```")
		if i == 0 {
			program := wholeExample(t, "shm/example_children_test.go")
			if block != program {
				t.Errorf("the guide's program is\n%s\nand the example\n%s", block, program)
			}
			_, code, _ := strings.Cut(program, "\n)\n\n")
			if n := strings.Count(code, "\n"); n > 40 {
				t.Errorf("the program has %d lines below its imports, more than 40", n)
			}
			continue
		}
		indented := strings.ReplaceAll("\n"+block, "\n", "\n\t")
		indented = strings.ReplaceAll(strings.TrimSuffix(indented, "\t"), "\n\t\n", "\n\n")
		if !strings.Contains(here, indented) {
			t.Errorf("the guide shows\n%s\nwhich is not in forking_test.go", block)
		}
	}
}

// wholeExample returns the example of a file as a program.
func wholeExample(t *testing.T, path string) string {
	t.Helper()
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, path, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	file.Comments = file.Comments[1:] // where it is built
	examples := doc.Examples(file)
	if len(examples) != 1 || examples[0].Play == nil {
		t.Fatalf("%s is no example of a whole file", path)
	}
	var program bytes.Buffer
	if err := format.Node(&program, fset, examples[0].Play); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(program.String()) + "\n"
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// The queue of the guide.

var worker = sysvtest.Helper("worker", func([]string) error {
	ctx := context.Background()

	id, err := strconv.Atoi(os.Getenv("RESULTS"))
	check(err)
	results, err := msg.OpenID(id)
	check(err)
	check(results.Send(ctx, 1, []byte("42")))

	return nil
})

func TestForkingQueue(t *testing.T) {
	ctx := t.Context()
	child := sysvtest.Command(worker)

	results, err := msg.Create(sysv.Private, nil)
	check(err)
	defer results.Remove()
	child.Env = append(child.Environ(), "RESULTS="+strconv.Itoa(results.ID()))
	check(child.Start())
	result, err := results.Next(ctx, msg.Any)
	check(err)

	check(child.Wait())
	if got := string(result.Data); got != "42" {
		t.Errorf("the child sends %q", got)
	}
}

// The pipe's end of the guide. The parent starts a child that waits for a lock
// which it will never get.

var parent = sysvtest.Helper("parent", func(args []string) error {
	if len(args) == 2 {
		return orphan(args)
	}
	child := sysvtest.Command("parent", args[0], "its child")
	child.Stderr = os.Stderr

	_, err := child.StdinPipe() // child keeps our end, which the kernel closes when we die
	check(err)
	check(child.Start())

	return child.Wait()
})

func orphan(args []string) error {
	id, err := strconv.Atoi(args[0])
	check(err)
	set, err := sem.OpenID(id)
	check(err)
	mutex := set.Mutex(0)

	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin) // until the parent is gone
		cancel()
	}()
	err = mutex.Lock(ctx)

	fmt.Fprintln(os.Stderr, err)
	return nil
}

func TestForkingParentKilled(t *testing.T) {
	set, err := sem.Create(sysv.Private, []int{0}, nil)
	check(err)
	defer set.Remove()
	r, w, err := os.Pipe()
	check(err)
	defer r.Close()
	cmd := sysvtest.Command(parent, strconv.Itoa(set.ID()))
	cmd.Stderr = w
	check(cmd.Start())
	w.Close()
	for n := 0; n == 0; time.Sleep(time.Millisecond) {
		n, err = set.Waiters(0)
		check(err)
	}
	check(cmd.Process.Kill())
	cmd.Wait()
	said, err := io.ReadAll(r) // until the child has ended, too
	check(err)
	if want := "context canceled"; !strings.Contains(string(said), want) {
		t.Errorf("the child says %q, want %q in it", said, want)
	}
}

// What is cleaned up in the guide, when a signal or a child ends it.

var tidy = sysvtest.Helper("tidy", func([]string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	set, err := sem.Create(sysv.Private, []int{1}, nil)
	check(err)
	defer set.Remove()

	fmt.Println(set.ID())
	return set.Do(ctx, sem.Op{}) // waits until it is 0
})

func TestForkingSignal(t *testing.T) {
	cmd := sysvtest.Command(tidy)
	stdout, err := cmd.StdoutPipe()
	check(err)
	check(cmd.Start())
	var id int
	if _, err := fmt.Fscan(stdout, &id); err != nil {
		t.Fatal(err)
	}
	check(cmd.Process.Signal(syscall.SIGTERM))
	if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 1 {
		t.Errorf("it ends with %v, want an error", err)
	}
	if _, err := sem.OpenID(id); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the set: %v, want none", err)
	}
}

// What exec keeps, as the guide says. The program before exec takes semaphore 0
// with Undo, semaphore 1 as a Mutex, and a group's mutex.

var execs = sysvtest.Helper("execs", func(args []string) error {
	if len(args) == 3 {
		return afterExec(args)
	}
	set, group := setAndGroup(args)
	ctx := context.Background()
	check(set.Mutex(1).Lock(ctx))
	_, err := group.Mutex(0).Lock(ctx)
	check(err)

	check(set.Do(ctx, sem.Op{Num: 0, Delta: -1, Flags: sem.Undo}))
	again := sysvtest.Command("execs", append(args, "again")...)
	return syscall.Exec(again.Path, again.Args, again.Environ())
})

func afterExec(args []string) error {
	set, group := setAndGroup(args)

	check(set.Do(context.Background(), sem.Op{Num: 0, Delta: +1, Flags: sem.Undo}))

	fmt.Println(
		errors.Is(set.Mutex(1).Unlock(), sem.ErrNotLocked),
		errors.Is(group.Mutex(0).Unlock(), lock.ErrNotLocked))
	fmt.Println(set.Values())
	ok, abandoned, err := group.Mutex(0).TryLock()
	fmt.Println(ok, abandoned, err)
	st, err := group.Stat()
	fmt.Println(len(st.Members), err)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func setAndGroup(args []string) (*sem.Set, *lock.Group) {
	id, err := strconv.Atoi(args[0])
	check(err)
	set, err := sem.OpenID(id)
	check(err)
	id, err = strconv.Atoi(args[1])
	check(err)
	group, err := lock.OpenID(context.Background(), id, nil)
	check(err)
	return set, group
}

func TestForkingExec(t *testing.T) {
	set, err := sem.Create(sysv.Private, []int{1, 1}, nil)
	check(err)
	defer set.Remove()
	group, err := lock.Create(context.Background(), sysv.Private, 1, nil)
	check(err)
	defer group.Remove()
	defer group.Close()
	p := sysvtest.Start(t, execs, strconv.Itoa(set.ID()), strconv.Itoa(group.ID()))
	p.Expect("true true") // the new program has locked nothing
	p.Expect("[1 0] <nil>")
	p.Expect("false false <nil>") // held by what the process was
	p.Expect("3 <nil>")           // this test, and the process twice
	p.Kill()
	if values, err := set.Values(); err != nil || values[0] != 1 || values[1] != 1 {
		t.Errorf("the semaphores are %v, %v, want 1 and 1", values, err)
	}
	if ok, abandoned, err := group.Mutex(0).TryLock(); !ok || !abandoned || err != nil {
		t.Errorf("the mutex: %v, %v, %v, want it abandoned", ok, abandoned, err)
	}
	check(group.Mutex(0).Unlock())
}
