package inspect

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
	"example.com/sysvipc/sysv/msg"
	"example.com/sysvipc/sysv/sem"
	"example.com/sysvipc/sysv/shm"
)

// Gc finds what nobody needs any more.
type Gc struct {
	kinds
	Older  time.Duration `name:"older" default:"1h" help:"Only what nobody has used or changed for so long. What this module's packages made and nobody is a member of needs that only if it holds something."`
	Remove bool          `name:"remove" help:"Remove what is listed, after a look at each right before it goes."`
	Yes    bool          `name:"yes" help:"Don't ask before that. Where there is no terminal nobody can be asked."`
	JSON   bool          `name:"json" help:"Print the list as JSON."`
}

// Validate refuses what can't be meant.
func (c *Gc) Validate() error {
	switch {
	case c.Older < 0:
		return fmt.Errorf("--older must be 0s or more, not %v", c.Older)
	case c.Yes && !c.Remove:
		return errors.New("--yes goes with --remove")
	case c.JSON && c.Remove:
		return errors.New("--json lists only: not with --remove")
	}
	return nil
}

// Run lists what nobody needs any more and what it leaves alone, each with the reason, and
// removes the former if it is to.
func (c *Gc) Run(ctx context.Context, cancel context.CancelCauseFunc) error {
	term.EndOnSignal(cancel)
	j, err := newJudge(c.Older)
	if err != nil {
		return err
	}
	all := j.findings(c.kinds.orAll())
	if c.JSON {
		return term.PrintJSON(os.Stdout, findingsJSON(j, all))
	}
	var unneeded, stay []finding
	for _, f := range all {
		if f.sure == needed {
			stay = append(stay, f)
		} else {
			unneeded = append(unneeded, f)
		}
	}
	if err := c.print(os.Stdout, j, unneeded, stay); err != nil {
		return err
	}
	if !c.Remove || len(unneeded) == 0 {
		return nil
	}
	if err := c.ask(ctx, len(unneeded)); err != nil {
		return err
	}
	return c.removeAll(ctx, unneeded)
}

func (c *Gc) print(w io.Writer, j *judge, unneeded, stay []finding) error {
	part := func(title string, colour func(string) string, columns []term.Column, all []finding, cells func(finding) []string) []string {
		if len(all) == 0 {
			return nil
		}
		var rows []viewed
		for _, f := range all {
			rows = append(rows, viewed{cells(f), colour})
		}
		return append(append([]string{term.Head(title)}, grid(term.Width(), columns, rows)...), "")
	}
	columns := []term.Column{{Name: "sure", Rank: 1}, {Name: "kind"}, {Name: "id"}, {Name: "key", Rank: 4}, {Name: "owner", Rank: 3}, {Name: "size", Rank: 2}, {Name: "why"}}
	lines := part("nobody needs", term.Notable, columns, unneeded, func(f finding) []string {
		return []string{f.sure, f.kind(), fmt.Sprint(f.id), f.perm.Key.String(), j.owner(f.perm), f.amount(), f.why}
	})
	lines = append(lines, part("left alone", asIs, columns[1:], stay, func(f finding) []string {
		return []string{f.kind(), fmt.Sprint(f.id), f.perm.Key.String(), j.owner(f.perm), f.amount(), f.why}
	})...)
	lines = append(lines, fmt.Sprintf("%d that nobody needs, %d left alone", len(unneeded), len(stay)))
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

// kind is what an object is.
func (o object) kind() string {
	switch {
	case o.queue != nil:
		return "queue"
	case o.segment != nil:
		return "segment"
	}
	return "set"
}

// amount is how much of it there is.
func (o object) amount() string {
	switch {
	case o.queue != nil:
		return term.Bytes(uint64(o.queue.Bytes))
	case o.segment != nil:
		return term.Bytes(uint64(o.segment.Size))
	}
	return fmt.Sprint(o.set.Len)
}

// ask waits for a yes.
func (c *Gc) ask(ctx context.Context, n int) error {
	if c.Yes {
		return nil
	}
	if !term.IsInteractive() {
		return term.WithHint(errors.New("nobody is there to be asked whether to remove them"), "say --yes")
	}
	fmt.Fprintf(os.Stderr, "remove %d? [y/N] ", n)
	answered := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		answered <- line
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case line := <-answered:
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return nil
		}
	}
	return errors.New("nothing was removed")
}

// removeAll removes what still nobody needs, and says what it left.
func (c *Gc) removeAll(ctx context.Context, all []finding) (err error) {
	for _, f := range all {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		why, failed := c.removeOne(f)
		switch {
		case failed != nil:
			term.Complain(failed)
			err = term.ErrSaid
		case why != "":
			fmt.Printf("left %s %d: %s\n", f.kind(), f.id, why)
		default:
			fmt.Printf("removed %s %d\n", f.kind(), f.id)
		}
	}
	return err
}

// removeOne looks again, at everything, and removes an object that is the one that was
// found and is needed as little. It says why not.
func (c *Gc) removeOne(f finding) (why string, err error) {
	handle, err := f.open()
	if err != nil {
		return "it is gone", nil
	}
	j, err := newJudge(c.Older)
	if err != nil {
		return "", err
	}
	for _, now := range j.findings(ofAll) {
		switch {
		case now.kind() != f.kind() || now.id != f.id:
			continue
		case now.perm.Key != f.perm.Key || now.perm.CUID != f.perm.CUID:
			return "it has come to be another one", nil
		case now.sure == needed:
			return now.why, nil
		}
		// The handle is from before the look: it refuses where the id means another one.
		return "", term.IgnoreRemoved(handle.Remove())
	}
	return "it is gone", nil
}

// open returns a handle by id.
func (o object) open() (removable, error) {
	switch {
	case o.queue != nil:
		return asRemovable(msg.OpenID(o.id))
	case o.segment != nil:
		return asRemovable(shm.OpenID(o.id))
	}
	return asRemovable(sem.OpenID(o.id))
}

func asRemovable[T removable](object T, err error) (removable, error) { return object, err }

type findingJSON struct {
	Kind string `json:"kind"`
	permJSON
	Sure string `json:"sure"`
	Why  string `json:"why"`
}

func findingsJSON(j *judge, all []finding) any {
	out := struct {
		Unneeded []findingJSON `json:"unneeded"`
		Left     []findingJSON `json:"left"`
	}{[]findingJSON{}, []findingJSON{}}
	for _, f := range all {
		row := findingJSON{f.kind(), j.perm(f.id, f.perm), f.sure, f.why}
		if f.sure == needed {
			out.Left = append(out.Left, row)
		} else {
			out.Unneeded = append(out.Unneeded, row)
		}
	}
	return out
}
