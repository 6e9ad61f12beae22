package term

import (
	"context"
	"errors"

	"example.com/sysvipc/sysv"
)

// ExplainRemoved adds to an error what a removed object means to a run.
func ExplainRemoved(err error) error {
	if errors.Is(err, sysv.ErrRemoved) {
		return WithHint(err, "somebody removed it during the run (ipcs shows what is left)")
	}
	return err
}

// IgnoreRemoved is for those who remove: that somebody was faster is no error.
func IgnoreRemoved(err error) error {
	if errors.Is(err, sysv.ErrRemoved) {
		return nil
	}
	return err
}

// CauseOf replaces the bare error of a context by why that ended, and explains
// the one of a removed object.
func CauseOf(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = context.Cause(ctx)
	}
	return ExplainRemoved(err)
}
