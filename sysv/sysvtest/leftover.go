package sysvtest

import (
	"errors"
	"io/fs"
	"slices"

	"example.com/sysvipc/sysv/internal/proc"
)

// object identifies an object of the namespace.
type object struct {
	noun string
	id   int
	key  int32
	cuid uint32
}

// objects returns what is in the namespace. Where there is no table there is
// nothing to look after.
func objects() (map[object]bool, error) {
	segments, err := proc.Segments(func(s proc.Shm) object { return object{"segment", s.ID, s.Key, s.CUID} })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	sets, err := proc.Sets(func(s proc.Sem) object { return object{"set", s.ID, s.Key, s.CUID} })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	queues, err := proc.Queues(func(m proc.Msg) object { return object{"queue", m.ID, m.Key, m.CUID} })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	found := make(map[object]bool)
	for _, o := range slices.Concat(segments, sets, queues) {
		found[o] = true
	}
	return found, nil
}
