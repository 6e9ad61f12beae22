package sysv_test

import (
	"hash/fnv"
	"testing"
	"testing/quick"

	"example.com/sysvipc/sysv"
)

// A change of these keys would part programs that were built at different times.
func TestKeyOf(t *testing.T) {
	for name, want := range map[string]sysv.Key{
		"":                   0x811c9dc5,
		"a":                  0xe40c292c,
		"foobar":             0xbf9cf968,
		"com.example.prices": 0x9cd2865a,
		"preços":             0xd87655a2,
		"\xff\x00\x80":       0xa36cd47e,
	} {
		if got := sysv.KeyOf(name); got != want {
			t.Errorf("KeyOf(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestKeyOfIsFNV1a(t *testing.T) {
	same := func(name string) bool {
		h := fnv.New32a()
		h.Write([]byte(name))
		return sysv.KeyOf(name) == sysv.Key(h.Sum32())
	}
	if err := quick.Check(same, nil); err != nil {
		t.Error(err)
	}
}

// Whoever used the hash 0 as it is would make an object that nobody finds.
func TestKeyOfIsNeverPrivate(t *testing.T) {
	const name = "feed-889b6cec"
	h := fnv.New32a()
	h.Write([]byte(name))
	if h.Sum32() != 0 {
		t.Fatalf("%q has the hash %#x, and proves nothing", name, h.Sum32())
	}
	if got := sysv.KeyOf(name); got != 1 {
		t.Errorf("KeyOf(%q) = %v, want 1", name, got)
	}
}
