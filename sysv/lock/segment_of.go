package lock

import "example.com/sysvipc/sysv/sem"

// SegmentOf tells whether a set, by its id, is that of a group, and which segment the
// group has, or had: the set says so even where the segment is gone. It only reads the
// set's values, which leaves no trace, for what lists objects of others to find those of
// which [Inspect] can say more. That the segment is the group's Inspect tells.
//
// Errors are those of [sem.OpenID] and [sem.Set.Values].
func SegmentOf(set int) (segment int, ok bool, err error) {
	s, err := sem.OpenID(set)
	if err != nil {
		return 0, false, err
	}
	return segmentOf(s)
}

func segmentOf(set *sem.Set) (segment int, ok bool, err error) {
	values, err := set.Values()
	if err != nil {
		return 0, false, err
	}
	segment, ok = signedBy(values)
	return segment, ok, nil
}
