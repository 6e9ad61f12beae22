package sysvtest

import (
	"errors"
	"io/fs"

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
	found := make(map[object]bool)
	segments, err := proc.Segments()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, s := range segments {
		found[object{"segment", s.ID, s.Key, s.CUID}] = true
	}
	sets, err := proc.Sets()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, s := range sets {
		found[object{"set", s.ID, s.Key, s.CUID}] = true
	}
	queues, err := proc.Queues()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, q := range queues {
		found[object{"queue", q.ID, q.Key, q.CUID}] = true
	}
	return found, nil
}
