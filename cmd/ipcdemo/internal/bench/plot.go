package bench

import (
	"bytes"
	"errors"
	"fmt"
	"image/color"
	"io"
	"math"
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
	inkColor = color.RGBA{0x7a, 0x7a, 0x7a, 0xff}
	blue     = color.RGBA{0x2f, 0x80, 0xd8, 0xff}
	orange   = color.RGBA{0xd9, 0x66, 0x1a, 0xff}
)

// line is one of the two in a panel. Who can't tell the colours apart has the marks.
type line struct {
	label string
	color color.RGBA
	mark  draw.GlyphDrawer
}

var (
	semopLine = &line{"Mutex (package sem)", blue, draw.CircleGlyph{}}
	fastLine  = &line{"fast lock (package lock)", orange, draw.BoxGlyph{}}
	queueLine = &line{"message queue (package msg)", blue, draw.CircleGlyph{}}
	ringLine  = &line{"ring (package ring)", orange, draw.BoxGlyph{}}
)

// quantity is what a figure in the chart is of.
type quantity int

const (
	increments quantity = iota + 1 // a second, by x processes that contend
	throughput                     // records a second, between x processes
	answer                         // nanoseconds of a record and its answer, on x CPUs
)

// point is a figure in the chart.
type point struct{ x, value float64 }

// points are those of each line among the figures of a quantity.
func points(measured []figure, of quantity) map[*line][]point {
	all := make(map[*line][]point)
	for _, f := range measured {
		if f.of == of && f.Value > 0 {
			all[f.line] = append(all[f.line], point{float64(f.x), f.Value})
		}
	}
	return all
}

// panel is one of the parts of the chart.
type panel struct {
	title  string
	across string // what x is
	of     quantity
	lines  [2]*line
	value  func(point) float64
	text   func(float64) string
}

var (
	locks = [2]*line{semopLine, fastLine}
	pipes = [2]*line{queueLine, ringLine}
)

// panels are those of the chart, row by row.
var panels = [][]panel{{
	{"Throughput: increments per second, of all processes", "processes that contend", increments, locks,
		func(p point) float64 { return p.value }, perSecond},
	// Each process has an increment under way all the time.
	{"Latency: mean time to take the lock, count and give it back", "processes that contend", increments, locks,
		func(p point) float64 { return p.x / p.value }, inSeconds},
}, {
	{"Throughput: records of 64 bytes per second, of all consumers", "processes, of which half send", throughput, pipes,
		func(p point) float64 { return p.value }, perSecond},
	{"Latency: mean time of a record to another process and back", "CPUs that the two are on", answer, pipes,
		func(p point) float64 { return p.value * 1e-9 }, inSeconds},
}}

func perSecond(v float64) string { return withUnit(v, 1, "", "k", "M", "G") }
func inSeconds(v float64) string { return withUnit(v, 1e-9, " ns", " µs", " ms", " s") }

// writeChart draws the panels for which there are figures, as SVG.
func writeChart(w io.Writer, measured []figure) error {
	var rows [][]*plot.Plot
	for _, row := range panels {
		plots, err := plotRow(row, measured)
		if err != nil {
			return err
		}
		if plots != nil {
			rows = append(rows, plots)
		}
	}
	if rows == nil {
		return errors.New("nothing to draw: in so short a time nobody counted")
	}
	const width, height = 980, 420
	canvas := vgsvg.New(width, vg.Length(height*len(rows)))
	drawChart(draw.New(canvas), rows)
	var out bytes.Buffer
	if _, err := canvas.WriteTo(&out); err != nil {
		return err
	}
	// Not everybody who looks at it has the fonts that it was measured with.
	svg := bytes.ReplaceAll(out.Bytes(), []byte("font-family:Liberation Sans;"),
		[]byte("font-family:Liberation Sans,Arial,Helvetica,sans-serif;"))
	_, err := w.Write(svg)
	return err
}

// plotRow returns nil where there is nothing to draw in one of the row's panels.
func plotRow(row []panel, measured []figure) (plots []*plot.Plot, err error) {
	for _, p := range row {
		lines := points(measured, p.of)
		if len(lines) == 0 {
			return nil, nil
		}
		pl, err := p.plot(lines)
		if err != nil {
			return nil, err
		}
		plots = append(plots, pl)
	}
	return plots, nil
}

func drawChart(c draw.Canvas, rows [][]*plot.Plot) {
	tiles := draw.Tiles{Cols: len(rows[0]), Rows: len(rows), PadX: vg.Points(24), PadY: vg.Points(24),
		PadTop: vg.Points(8), PadBottom: vg.Points(8), PadLeft: vg.Points(8), PadRight: vg.Points(16)}
	for i, row := range plot.Align(rows, tiles, c) {
		for j, tile := range row {
			rows[i][j].Draw(tile)
		}
	}
}

func (p panel) plot(points map[*line][]point) (*plot.Plot, error) {
	pl := newPlot(p)
	low, high := math.Inf(+1), math.Inf(-1)
	counts := make(map[float64]string)
	for _, l := range p.lines {
		if points[l] == nil {
			continue
		}
		var xys plotter.XYs
		var labels []string
		for _, pt := range points[l] {
			v := p.value(pt)
			low, high = min(low, v), max(high, v)
			xys = append(xys, plotter.XY{X: pt.x, Y: v})
			labels = append(labels, p.text(v))
			counts[pt.x] = fmt.Sprint(pt.x)
		}
		if err := l.add(pl, xys, labels, p.above(l, points)); err != nil {
			return nil, err
		}
	}
	var ticks plot.ConstantTicks
	for n, label := range counts {
		ticks = append(ticks, plot.Tick{Value: n, Label: label})
	}
	pl.X.Tick.Marker = ticks
	pl.X.Min, pl.X.Max = min(pl.X.Min, pl.X.Max/2), max(2, pl.X.Max) // of a single value, too, it is a range
	// Whole decades, so that there is something to read off the axis, with room
	// for the legend.
	pl.Y.Min, pl.Y.Max = math.Pow10(int(math.Floor(math.Log10(low)))), math.Pow10(int(math.Ceil(math.Log10(high*4))))
	return pl, nil
}

// above tells whether a line's values are to stand above it, away from those of the
// other.
func (p panel) above(l *line, points map[*line][]point) bool {
	mean := func(l *line) (sum float64) {
		for _, pt := range points[l] {
			sum += math.Log(p.value(pt))
		}
		return sum
	}
	other := p.lines[0]
	if l == other {
		other = p.lines[1]
	}
	return mean(l) > mean(other)
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
	pl.X.Label.Text = fmt.Sprintf("%s (%s/%s, %d CPUs)", p.across, runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
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

// add draws the line, with its values.
func (l *line) add(pl *plot.Plot, xys plotter.XYs, texts []string, above bool) error {
	drawn, marks, err := plotter.NewLinePoints(xys)
	if err != nil {
		return err
	}
	drawn.Color, drawn.Width = l.color, vg.Points(2.5)
	marks.Color, marks.Radius, marks.Shape = l.color, vg.Points(4), l.mark
	values, err := plotter.NewLabels(plotter.XYLabels{XYs: xys, Labels: texts})
	if err != nil {
		return err
	}
	for i := range values.TextStyle {
		s := &values.TextStyle[i]
		s.Font, s.Color = font.Font{Typeface: "Liberation", Variant: "Sans", Size: 11}, l.color
		s.XAlign, s.YAlign = draw.XCenter, draw.YTop
		values.Offset.Y = vg.Points(-7)
		if above {
			s.YAlign, values.Offset.Y = draw.YBottom, vg.Points(7)
		}
	}
	pl.Add(drawn, marks, values)
	pl.Legend.Add(l.label, drawn, marks)
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
