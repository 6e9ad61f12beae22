package inspect

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
)

// Watch shows what there is, over and over.
type Watch struct {
	kinds
	Interval time.Duration `default:"1s" help:"How often to look, 50ms to 1h."`
	Sort     string        `name:"sort" placeholder:"COLUMN" help:"In the order of a column of ls, or with a minus before it the other way round."`
	User     string        `name:"user" placeholder:"USER" help:"Only what belongs to this user, by name or number."`
	Once     bool          `help:"Print what there is, and end; so it is also where the output is no terminal."`
}

// Validate refuses what can't be shown, or would keep the machine busy.
func (c *Watch) Validate() error {
	if c.Interval < 50*time.Millisecond || c.Interval > time.Hour {
		return fmt.Errorf("--interval must be 50ms to 1h, not %v", c.Interval)
	}
	d := details{listing: new(listing)}
	if err := d.order(c.kinds.orAll(), c.Sort); err != nil {
		return fmt.Errorf("--sort: %w", err)
	}
	if c.User != "" {
		if _, err := uidOf(c.User); err != nil {
			return fmt.Errorf("--user: %w", err)
		}
	}
	return nil
}

// Run shows all objects and who uses them, until it is told to end.
func (c *Watch) Run(ctx context.Context, cancel context.CancelCauseFunc) error {
	v := view{kinds: c.kinds.orAll(), user: c.User, sort: c.Sort}
	if c.Once || !term.IsTerminal() {
		v.width = term.Width()
		lines, err := v.lines()
		if err != nil {
			return err
		}
		_, err = fmt.Println(strings.Join(term.Fit(lines, v.width, 0), "\n"))
		return err
	}
	term.EndOnSignal(cancel)
	s, err := term.OpenScreen()
	if err != nil {
		return err
	}
	err = c.refresh(ctx, s, v, term.Keys())
	s.Close()
	return err
}

// refresh draws until a key or the context ends it. Any other key draws at once.
func (c *Watch) refresh(ctx context.Context, s *term.Screen, v view, keys <-chan term.Pressed) error {
	tick := time.NewTicker(c.Interval)
	defer tick.Stop()
	top := 0
	for {
		width, height := term.ScreenSize()
		v.width = width
		lines, err := v.lines()
		if err != nil {
			return err
		}
		room := max(height-2, 1) // below the title
		top = max(min(top, len(lines)-room), 0)
		if err := s.Draw(append([]string{c.title(v, top), ""}, lines[top:]...)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-tick.C:
		case key := <-keys:
			switch key {
			case "q", "Q":
				return nil
			case term.CtrlC:
				return term.Interrupt
			case term.Up, "k":
				top--
			case term.Down, "j":
				top++
			case term.PageUp:
				top -= room
			case term.PageDown, " ":
				top += room
			case term.Home:
				top = 0
			case term.LastLine:
				top = len(lines)
			case "s":
				v.sort = next(v.sort, orders(v.kinds))
			case "f":
				v.kinds, top = next(v.kinds, []kinds{ofAll, ofQueues, ofSegments, ofSets}), 0
				if !slices.Contains(orders(v.kinds), v.sort) {
					v.sort = ""
				}
			case "u":
				v.user, top = next(v.user, []string{c.User, fmt.Sprint(os.Geteuid())}), 0
			}
		}
	}
}

// title says what is shown, and by which keys that changes.
func (c *Watch) title(v view, top int) string {
	said := fmt.Sprintf("ipcdemo watch  %s  every %v, q quits", time.Now().Format(time.TimeOnly), c.Interval)
	if v.sort != "" {
		said += ", by " + v.sort
	}
	if v.user != "" {
		uid, err := uidOf(v.user)
		if err == nil {
			said += fmt.Sprintf(", of %s alone", new(listing).user(uid))
		}
	}
	if top > 0 {
		said += fmt.Sprintf(", %d lines above", top)
	}
	return said + "  (↑ ↓ scroll, s sorts, f filters, u mine)"
}

// orders are those that s goes through: columns that one of the kinds has, the largest and
// the latest first.
func orders(k kinds) []string {
	all := []string{""}
	for _, by := range []string{"OWNER", "-SIZE", "-NATTCH", "-MSGS", "-USEDBYTES", "-NSEMS", "-CTIME"} {
		if _, err := findColumns([]string{strings.TrimPrefix(by, "-")}, k); err == nil {
			all = append(all, by)
		}
	}
	return all
}

// next is what comes after one of some, and the first after the last or another.
func next[T comparable](now T, all []T) T { return all[(slices.Index(all, now)+1)%len(all)] }
