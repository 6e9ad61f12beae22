package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"example.com/sysvipc/cmd/ipcdemo/internal/term"
)

type Bench struct {
	Window time.Duration `default:"300ms" help:"How long to measure each figure, more or less."`
	JSON   bool          `name:"json" help:"Print the figures as JSON."`
	Plot   string        `placeholder:"FILE.svg" help:"Draw throughput and latency of each lock, and of a queue and a ring, into this file, too."`
}

// Validate refuses what can't be measured.
func (c *Bench) Validate() error {
	if c.Window < time.Millisecond || c.Window > time.Minute {
		return fmt.Errorf("--window must be 1ms to 1m, not %v", c.Window)
	}
	if c.Plot != "" && filepath.Ext(c.Plot) != ".svg" {
		return fmt.Errorf("--plot must be a file whose name ends in .svg, not %q", c.Plot)
	}
	return nil
}

// Run measures all figures and prints them.
func (c *Bench) Run(ctx context.Context, cancel context.CancelCauseFunc) error {
	term.EndOnSignal(cancel)
	var chart *chartFile
	if c.Plot != "" {
		var err error
		if chart, err = createChartFile(c.Plot); err != nil {
			return err
		}
		defer chart.discard()
	}
	b, err := newBench(c.Window)
	if err != nil {
		return err
	}
	measured, err := c.measure(ctx, b)
	if err := errors.Join(err, b.remove()); err != nil {
		return err
	}
	if err := c.print(measured); err != nil {
		return err
	}
	if chart != nil {
		return chart.replace(func(w io.Writer) error { return writeChart(w, measured) })
	}
	return nil
}

func (c *Bench) print(measured []figure) error {
	if c.JSON {
		return term.PrintJSON(os.Stdout, measured)
	}
	var out strings.Builder
	t := tabwriter.NewWriter(&out, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, f := range measured {
		// The name stands to the left, which the writer does for no column.
		fmt.Fprintf(t, "%-48s\t%.0f\t%-3s\t\n", f.Name, f.Value, f.Unit)
	}
	t.Flush()
	_, err := os.Stdout.WriteString(out.String())
	return err
}

func (c *Bench) measure(ctx context.Context, b *bench) ([]figure, error) {
	measured := slices.DeleteFunc(slices.Clone(figures), func(f figure) bool { return f.cpus > runtime.NumCPU() })
	bar := term.NewBar("measuring", len(measured), c.JSON)
	defer bar.Stop()
	for i := range measured {
		f := &measured[i]
		var err error
		if f.Value, err = f.measure(ctx, b); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, term.CauseOf(ctx, err))
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		bar.Set(i + 1)
	}
	return measured, nil
}
