//go:build linux && !android

package guides

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/lock"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
	"example.com/sysvipc/sysv/sysvtest"
)

// SECURITY.md names no test that there is not, and each of this file's.
func TestSecurityNamesTests(t *testing.T) {
	text, err := os.ReadFile(root + "SECURITY.md")
	kit.Must(t, err)
	named := make(map[string]bool)
	// A package, and then its tests until the next one.
	for _, part := range regexp.MustCompile("`sysv/[a-z/]+` (?:(?:Test|Fuzz)\\w+(?:, |,\n)?)+|`sysv/[a-z/]+`\n(?:Test|Fuzz)\\w+").FindAllString(string(text), -1) {
		words := strings.Fields(strings.NewReplacer("`", "", ",", "").Replace(part))
		files, err := filepath.Glob(root + words[0] + "/*_test.go")
		kit.Must(t, err)
		var source []byte
		for _, file := range files {
			text, err := os.ReadFile(file)
			kit.Must(t, err)
			source = append(source, text...)
		}
		for _, name := range words[1:] {
			named[name] = true
			if !strings.Contains(string(source), "\nfunc "+name+"(") {
				t.Errorf("there is no %s in %s", name, words[0])
			}
		}
	}
	if all := regexp.MustCompile(`(Test|Fuzz)[A-Z]\w+`).FindAllString(string(text), -1); len(all) < 30 {
		t.Errorf("only %d tests are named", len(all))
	} else {
		for _, name := range all {
			if !named[name] {
				t.Errorf("%s stands behind no package", name)
			}
		}
	}
	here, err := os.ReadFile("security_test.go")
	kit.Must(t, err)
	for _, found := range regexp.MustCompile(`\nfunc (TestSecurity\w+)\(`).FindAllStringSubmatch(string(here), -1) {
		if !named[found[1]] && found[1] != "TestSecurityNamesTests" {
			t.Errorf("SECURITY.md does not name %s", found[1])
		}
	}
}

// What is not promised.

// A squatter makes a segment of a key before anybody else.
var squatter = sysvtest.Helper("squatter", func(args []string) error {
	key, _, err := kit.KeyAndMode(args)
	if err != nil {
		return err
	}
	seg, err := shm.Create(key, 4096, nil)
	if err != nil {
		return err
	}
	fmt.Println("here")
	bufio.NewScanner(os.Stdin).Scan()
	return seg.Remove()
})

func TestSecurityKeysAreNotProtected(t *testing.T) {
	cmd := kit.Ordinary(sysvtest.Command(squatter, key.String(), "600"))
	kit.NeedRoot(t, "can start another user's process")
	p := sysvtest.StartCommand(t, cmd)
	p.Expect("here")
	_, err := shm.Create(key, 4096, nil)
	kit.WantError(t, err, fs.ErrExist)
	_, _, err = shm.OpenOrCreate(key, 4096, &shm.Config{OwnedBy: new(uint32(0))})
	kit.WantError(t, err, fs.ErrPermission)
	p.Finish()
}

func TestSecurityWhoMayWriteBreaksALock(t *testing.T) {
	set, err := sem.Create(sysv.Private, []int{1}, nil)
	kit.Must(t, err)
	defer set.Remove()
	kit.Must(t, set.Mutex(0).Lock(t.Context()))
	other, err := sem.OpenID(set.ID())
	kit.Must(t, err)
	kit.Must(t, other.SetValue(0, 1))
	if ok, err := other.Mutex(0).TryLock(); !ok || err != nil {
		t.Errorf("a lock that somebody has set free: %v, %v", ok, err)
	}
}

// A locker joins a group, and takes its mutex when he is told to.
var locker = sysvtest.Helper("locker", func(args []string) error {
	ids, err := kit.Numbers(args)
	if err != nil {
		return err
	}
	ctx := context.Background()
	g, err := lock.OpenID(ctx, ids[0], nil)
	if err != nil {
		return err
	}
	if _, err := g.Mutex(0).Lock(ctx); err != nil { // once, so that all is made
		return err
	}
	if err := g.Mutex(0).Unlock(); err != nil {
		return err
	}
	fmt.Println("joined")
	in := bufio.NewScanner(os.Stdin)
	in.Scan()
	if _, err := g.Mutex(0).Lock(ctx); err != nil {
		return err
	}
	fmt.Println("locked")
	in.Scan()
	return nil
})

func TestSecurityWhoMayWriteBreaksAGroup(t *testing.T) {
	g, err := lock.Create(t.Context(), sysv.Private, 1, nil)
	kit.Must(t, err)
	p := sysvtest.Start(t, locker, fmt.Sprint(g.ID()))
	p.Expect("joined")
	seg, err := shm.OpenID(g.ID())
	kit.Must(t, err)
	mem, err := seg.Attach(nil)
	kit.Must(t, err)
	defer mem.Detach()
	free := make([]byte, mem.Len())
	_, err = mem.ReadAt(free, 0)
	kit.Must(t, err)
	p.Send("lock it")
	p.Expect("locked")
	if ok, _, err := g.Mutex(0).TryLock(); ok || err != nil {
		t.Fatalf("a lock that somebody has: %v, %v", ok, err)
	}
	_, err = mem.WriteAt(free, 0)
	kit.Must(t, err)
	if ok, _, err := g.Mutex(0).TryLock(); !ok || err != nil {
		t.Errorf("after somebody wrote there that it is free: %v, %v", ok, err)
	}
	kit.Must(t, g.Mutex(0).Unlock())
	p.Kill()
	kit.Must(t, g.Remove())
	kit.Must(t, g.Close())
}

func TestSecurityDoOnAnIDThatHasComeRound(t *testing.T) {
	old, err := sem.Create(sysv.Private, []int{1}, nil)
	kit.Must(t, err)
	kit.Must(t, old.Remove())
	kit.NextID(t, "sem", old.ID())
	other, err := sem.Create(sysv.Private, []int{5, 5}, nil)
	kit.Must(t, err)
	defer other.Remove()
	want(t, "the id", other.ID(), old.ID())
	kit.WantError(t, func() error { _, err := old.Values(); return err }(), sysv.ErrRemoved)
	kit.Must(t, old.Do(t.Context(), sem.Op{Num: 0, Delta: -1}))
	want(t, "the other set's value", kit.Number(t)(other.Value(0)), 4)
}
