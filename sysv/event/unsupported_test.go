//go:build !linux || android

package event_test

import (
	"context"
	"errors"
	"testing"

	"example.com/sysvipc/sysv/event"
)

func TestWaitsAreUnsupported(t *testing.T) {
	var c event.Count
	ctx := context.Background()
	for name, wait := range map[string]func() error{
		"Await": func() error { return c.Await(ctx, c.Read()) },
		"Until": func() error { return c.Until(ctx, func() bool { return false }) },
	} {
		if err := wait(); !errors.Is(err, errors.ErrUnsupported) {
			t.Errorf("%s: %v, want %v", name, err, errors.ErrUnsupported)
		}
	}
}
