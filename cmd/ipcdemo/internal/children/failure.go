package children

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Failures returns what went wrong with children that were not to be killed,
// once all have ended.
func (cs *Children) Failures(name func(slot int) string) error {
	var errs []string
	for _, ch := range cs.All {
		if ch.err != nil && !ch.victim {
			errs = append(errs, fmt.Sprintf("%s failed: %v", name(ch.Slot), ch.Failure()))
		}
	}
	if errs == nil {
		return nil
	}
	return errors.New(strings.Join(errs, "; "))
}

// EndedWell tells whether a child that has ended did so by itself, without an error.
func (ch *Child) EndedWell() bool { return ch.err == nil }

// Failure is how a child ended, in its own words where it had any, without the
// hint below them.
func (ch *Child) Failure() error {
	said, _, _ := strings.Cut(strings.TrimPrefix(ch.stderr.String(), "ipcdemo: "), "\n")
	switch {
	case said != "":
		return errors.New(said)
	case ch.err != nil:
		return ch.err
	}
	return errors.New("without an error")
}

// Explain prints what the children said of the end of a run, each thing once,
// unless it is that they were told to end.
func (cs *Children) Explain() {
	count := make(map[string]int)
	for _, ch := range cs.All {
		if said := ch.Failure().Error(); ch.stderr.Len() > 0 && said != ErrParentGone.Error() {
			count[said]++
		}
	}
	for _, said := range slices.Sorted(maps.Keys(count)) {
		fmt.Fprintf(os.Stderr, "ipcdemo: %d of %d children ended with: %s\n", count[said], len(cs.All), said)
	}
}
