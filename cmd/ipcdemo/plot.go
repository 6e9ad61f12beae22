package main

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"math"
	"os"
	"runtime"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"
)

// The chart has no background of its own. These colours can be read on white
// and on nearly black, which a test holds.
var (
	inkColor   = color.RGBA{0x7a, 0x7a, 0x7a, 0xff}
	lockColors = map[locking]color.RGBA{
		lockSemop: {0x2f, 0x80, 0xd8, 0xff},
		lockFast:  {0xd9, 0x66, 0x1a, 0xff},
	}
	lockLabels = map[locking]string{
		lockSemop: "Mutex (package sem)",
		lockFast:  "fast lock (package lock)",
	}
)

// point is how often a second processes that contend got a lock.
type point struct {
	processes int
	rate      float64
}

// contended are the points of each lock among the figures.
func contended(measured []figure) map[locking][]point {
	points := make(map[locking][]point)
	for _, f := range measured {
		if f.lock != 0 && f.Value > 0 {
			points[f.lock] = append(points[f.lock], point{f.processes, f.Value})
		}
	}
	return points
}

// panel is one of the two halves of the chart.
type panel struct {
	title string
	value func(point) float64
	text  func(float64) string
}

var panels = []panel{
	{"Throughput: increments per second, of all processes", func(p point) float64 { return p.rate },
		func(v float64) string { return withUnit(v, 1, "", "k", "M", "G") }},
	// Each process has an increment under way all the time.
	{"Latency: mean time to take the lock, count and give it back", func(p point) float64 { return float64(p.processes) / p.rate },
		func(v float64) string { return withUnit(v, 1e-9, " ns", " µs", " ms", " s") }},
}

// writeChart draws both panels into an SVG file.
func writeChart(file string, measured []figure) error {
	const width, height = 980, 420
	canvas := vgsvg.New(width, height)
	if err := drawChart(draw.New(canvas), contended(measured)); err != nil {
		return err
	}
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return err
	}
	// Not everybody who looks at it has the fonts that it was measured with.
	svg := bytes.ReplaceAll(out.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"))
	return os.WriteFile(file, svg, 0o666)
}

func drawChart(c draw.Canvas, points map[locking][]point) error {
	tiles := draw.Tiles{Cols: len(panels), Rows: 1, PadX: vg.Points(24), PadTop: vg.Points(8), PadBottom: vg.Points(8), PadLeft: vg.Points(8), PadRight: vg.Points(16)}
	if len(points) == 0 {
		return errors.New("nothing to draw: in so short a time nobody counted")
	}
	row := make([]*plot.Plot, len(panels))
	for i, p := range panels {
		var err error
		if row[i], err = p.plot(points); err != nil {
			return err
		}
	}
	for i, tile := range plot.Align([][]*plot.Plot{row}, tiles, c)[0] {
		row[i].Draw(tile)
	}
	return nil
}

func (p panel) plot(points map[locking][]point) (*plot.Plot, error) {
	pl := newPlot(p)
	low, high := math.Inf(+1), math.Inf(-1)
	counts := make(map[float64]string)
	for _, how := range []locking{lockSemop, lockFast} {
		if points[how] == nil {
			continue
		}
		var line plotter.XYs
		var labels []string
		for _, pt := range points[how] {
			v := p.value(pt)
			low, high = min(low, v), max(high, v)
			line = append(line, plotter.XY{X: float64(pt.processes), Y: v})
			labels = append(labels, p.text(v))
			counts[float64(pt.processes)] = fmt.Sprint(pt.processes)
		}
		if err := addLine(pl, how, line, labels, above(p, points, how)); err != nil {
			return nil, err
		}
	}
	var ticks plot.ConstantTicks
	for n, label := range counts {
		ticks = append(ticks, plot.Tick{Value: n, Label: label})
	}
	pl.X.Tick.Marker = ticks
	pl.X.Min, pl.X.Max = 1, max(2, pl.X.Max) // from a single value a range would be made that begins at 0
	// Whole decades, so that there is something to read off the axis, with room
	// for the legend.
	pl.Y.Min, pl.Y.Max = math.Pow10(int(math.Floor(math.Log10(low)))), math.Pow10(int(math.Ceil(math.Log10(high*4))))
	return pl, nil
}

// above tells whether a lock's values are to stand above its line, away from
// those of the other.
func above(p panel, points map[locking][]point, how locking) bool {
	mean := func(how locking) (sum float64) {
		for _, pt := range points[how] {
			sum += math.Log(p.value(pt))
		}
		return sum
	}
	other := lockSemop
	if how == lockSemop {
		other = lockFast
	}
	return mean(how) > mean(other)
}

func newPlot(p panel) *plot.Plot {
	sans := func(size vg.Length) font.Font {
		return font.Font{Typeface: "Liberation", Variant: "Sans", Size: size}
	}
	pl := plot.New()
	pl.BackgroundColor = nil
	pl.Title.Text = p.title
	pl.Title.Padding = vg.Points(12)
	pl.Title.TextStyle.Font, pl.Title.TextStyle.Color = sans(13), inkColor
	pl.Legend.TextStyle.Font, pl.Legend.TextStyle.Color = sans(12), inkColor
	pl.Legend.Top, pl.Legend.Left = true, true // to the right of it, other fonts may need more room
	pl.Legend.YPosition = -0.3
	pl.Legend.Padding = vg.Points(4)
	pl.X.Label.Text = fmt.Sprintf("processes that contend (%s/%s, %d CPUs)", runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	for _, a := range []*plot.Axis{&pl.X, &pl.Y} {
		a.Color, a.Tick.Color = inkColor, inkColor
		a.Label.TextStyle.Font, a.Label.TextStyle.Color = sans(12), inkColor
		a.Tick.Label.Font, a.Tick.Label.Color = sans(11), inkColor
		a.Scale = plot.LogScale{}
		a.Padding = vg.Points(10)
		a.Label.Padding = vg.Points(4)
	}
	pl.Y.Tick.Marker = plot.TickerFunc(func(low, high float64) []plot.Tick {
		ticks := plot.LogTicks{Prec: -1}.Ticks(low, high)
		for i := range ticks {
			if !ticks[i].IsMinor() {
				ticks[i].Label = p.text(ticks[i].Value)
			}
		}
		return ticks
	})
	grid := plotter.NewGrid()
	grid.Vertical.Width = 0
	grid.Horizontal.Color = color.RGBA{inkColor.R / 2, inkColor.G / 2, inkColor.B / 2, 0x80}
	pl.Add(grid)
	return pl
}

// addLine draws one lock's line, with its values.
func addLine(pl *plot.Plot, how locking, xys plotter.XYs, texts []string, above bool) error {
	line, marks, err := plotter.NewLinePoints(xys)
	if err != nil {
		return err
	}
	line.Color, line.Width = lockColors[how], vg.Points(2.5)
	marks.Color, marks.Radius, marks.Shape = lockColors[how], vg.Points(4), draw.CircleGlyph{}
	if how == lockFast {
		marks.Shape = draw.BoxGlyph{} // for who can't tell the colours apart
	}
	values, err := plotter.NewLabels(plotter.XYLabels{XYs: xys, Labels: texts})
	if err != nil {
		return err
	}
	for i := range values.TextStyle {
		s := &values.TextStyle[i]
		s.Font, s.Color = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 11}, lockColors[how]
		s.XAlign, s.YAlign = draw.XCenter, draw.YTop
		values.Offset.Y = vg.Points(-7)
		if above {
			s.YAlign, values.Offset.Y = draw.YBottom, vg.Points(7)
		}
	}
	pl.Add(line, marks, values)
	pl.Legend.Add(lockLabels[how], line, marks)
	return nil
}

// withUnit writes a value of up to three digits with the largest of units that
// leaves 1 or more of it; each is a thousand of the one before.
func withUnit(v, unit float64, units ...string) string {
	for len(units) > 1 && v >= 999.5*unit {
		unit *= 1000
		units = units[1:]
	}
	n := v / unit
	precision := 0
	if n < 9.95 && math.Abs(n-math.Round(n)) > 0.005 {
		precision = 1
	}
	return fmt.Sprintf("%.*f%s", precision, n, units[0])
}
