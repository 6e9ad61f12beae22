//go:build linux && !android

package interop_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/test/kit"
	"example.com/sysvipc/sysv/shm"
)

// A name leads programs in all languages to one object: here the segment that
// they make under the key as they have it, signed or not.
func TestKeyOf(t *testing.T) {
	each(t, func(t *testing.T, l language) {
		p := l.start(t)
		for _, name := range []string{
			"a", "com.example.prices", "with a blank", "preços", strings.Repeat("long", 1000),
			"feed-889b6cec", // whose hash is 0
			"",
		} {
			key := p.do("key-of", orDash(fmt.Sprintf("%x", name)))
			p.do("make-segment", key, 16)
			seg, err := shm.Open(sysv.KeyOf(name), nil)
			if err != nil {
				t.Fatalf("%s has key %s for %q, Go %v: %v", l.name, key, name, sysv.KeyOf(name), err)
			}
			kit.Must(t, seg.Remove())
		}
	})
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// What readers of KeyOf's documentation copy is what these tests run.
func TestKeyOfIsDocumented(t *testing.T) {
	source, err := os.ReadFile("../../../keyof.go")
	kit.Must(t, err)
	for _, l := range []struct{ file, first string }{
		{"share.c", "key_t key_of("},
		{"share.py", "def key_of("},
		{"share.php", "function key_of("},
		{"share.pl", "sub key_of {"},
	} {
		_, rest, _ := strings.Cut(string(source), "//\t"+l.first)
		shown, _, _ := strings.Cut(rest, "\n//\n")
		shown = l.first + strings.ReplaceAll(shown, "\n//\t", "\n")
		program, err := os.ReadFile(programs + l.file)
		kit.Must(t, err)
		if shown == l.first || !strings.Contains(string(program), "\n"+shown+"\n") {
			t.Errorf("the documentation shows\n%s\nwhich is not in %s", shown, l.file)
		}
	}
}
