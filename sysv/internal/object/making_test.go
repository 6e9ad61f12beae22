//go:build linux && !android

package object_test

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"example.com/sysvipc/sysv"
	"example.com/sysvipc/sysv/internal/object"
	"example.com/sysvipc/sysv/internal/sys"
)

func TestNobodyAsksForTheModeOfWhatIsInTheMaking(t *testing.T) {
	k := kindOf(entry{id: 1})
	k.Set = func(id int, uid, gid, mode uint32) error {
		t.Errorf("IPC_SET of mode %#o", mode)
		return nil
	}
	for name, err := range map[string]error{
		"Mode":       second(k.Mode("shmget", 9, -1, object.Making)),
		"CreateMode": second(k.CreateMode(9, object.Making)),
		"SetPerm":    k.SetPerm(1, 0, 0, object.Making),
		"SetMode":    k.SetMode(1, object.Making),
	} {
		if !errors.Is(err, sys.EINVAL) {
			t.Errorf("%s: %v, want EINVAL", name, err)
		}
	}
	if _, err := k.CreateMode(9, object.Making|0o010); err != nil {
		t.Errorf("mode %#o: %v", fs.FileMode(object.Making|0o010), err)
	}
}

func second[T any](_ T, err error) error { return err }

// Who looks briefly and often must learn as much as who stays.
func TestSightingsAddUp(t *testing.T) {
	k, other := kindOf(), kindOf()
	other.Get = "semget"
	born := time.Unix(1000, 0)
	if age := k.Watched(5, 9, born, time.Now()); age != 0 {
		t.Errorf("first seen %v ago", age)
	}
	time.Sleep(2 * time.Millisecond)
	if age := k.Watched(5, 9, born, time.Now()); age < time.Millisecond {
		t.Errorf("seen again: first %v ago", age)
	}
	for name, age := range map[string]time.Duration{
		"another id":                k.Watched(6, 9, born, time.Now()),
		"another key":               k.Watched(5, 8, born, time.Now()),
		"the id has come round":     k.Watched(5, 9, born.Add(time.Second), time.Now()),
		"an object of another kind": other.Watched(5, 9, born, time.Now()),
	} {
		if age != 0 {
			t.Errorf("%s: first seen %v ago", name, age)
		}
	}
}

func TestSightingsAreBounded(t *testing.T) {
	k := kindOf()
	first := k.Watched(0, sysv.Key(77), time.Unix(1, 0), time.Now())
	for id := range 3000 {
		k.Watched(id, sysv.Key(77), time.Unix(1, 0), time.Now())
	}
	if first != 0 || object.Sightings() > 1024 {
		t.Errorf("%d sightings are remembered", object.Sightings())
	}
}
