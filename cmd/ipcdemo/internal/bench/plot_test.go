package bench

import (
	"encoding/xml"
	"errors"
	"image/color"
	"io"
	"math"
	"strings"
	"testing"
)

// TestChartColours: text and lines stand out from white and from nearly black,
// as much as WCAG asks: 4.5 for text, were there only one of the two, and 3 for
// lines. No colour has more than 4.6 against both.
func TestChartColours(t *testing.T) {
	luminance := func(c color.RGBA) float64 {
		linear := func(v uint8) float64 {
			s := float64(v) / 255
			if s <= 0.04045 {
				return s / 12.92
			}
			return math.Pow((s+0.055)/1.055, 2.4)
		}
		return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
	}
	contrast := func(a, b color.RGBA) float64 {
		la, lb := luminance(a), luminance(b)
		return (max(la, lb) + 0.05) / (min(la, lb) + 0.05)
	}
	for _, ground := range []color.RGBA{{255, 255, 255, 255}, {13, 17, 23, 255}} {
		if got := contrast(inkColor, ground); got < 4 {
			t.Errorf("text has a contrast of %.2f on %v", got, ground)
		}
		for _, l := range []*line{semopLine, fastLine, queueLine, ringLine} {
			if got := contrast(l.color, ground); got < 3 {
				t.Errorf("%s has a contrast of %.2f on %v", l.label, got, ground)
			}
		}
	}
}

// TestChart: whatever the figures are, the file is XML, has no background, and
// what can't be drawn is an error.
func TestChart(t *testing.T) {
	count := func(l *line, processes int, rate float64) figure {
		return figure{Value: rate, of: increments, line: l, x: processes}
	}
	pass := func(l *line, of quantity, x int, value float64) figure {
		return figure{Value: value, of: of, line: l, x: x}
	}
	for name, figures := range map[string][]figure{
		"both":                   {count(semopLine, 1, 7e5), count(semopLine, 8, 1.5e5), count(fastLine, 1, 5e7), count(fastLine, 8, 6e7), {Name: "else", Value: 5}},
		"one lock was never got": {count(semopLine, 1, 7e5), count(fastLine, 1, 0)},
		"slow":                   {count(semopLine, 1, 0.01), count(fastLine, 1, 1)},
		"the same":               {count(semopLine, 4, 1000), count(fastLine, 4, 1000)},
		"records, too": {count(semopLine, 1, 1), count(fastLine, 1, 1), pass(queueLine, throughput, 2, 6e5), pass(ringLine, throughput, 2, 2e7),
			pass(queueLine, throughput, 8, 6e5), pass(ringLine, throughput, 8, 2e6), pass(queueLine, answer, 1, 6e3), pass(ringLine, answer, 1, 7e3)},
		"a billion": {count(semopLine, 1, 1e9), count(fastLine, 1, 9.999e11)},
	} {
		var svg strings.Builder
		if err := writeChart(&svg, figures); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for d := xml.NewDecoder(strings.NewReader(svg.String())); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
		}
		for _, odd := range []string{"NaN", "Inf", "#FFFFFF", "#000000", "<rect"} {
			if strings.Contains(svg.String(), odd) {
				t.Errorf("%s: %s in\n%s", name, odd, svg.String())
			}
		}
	}
	if err := writeChart(io.Discard, []figure{count(fastLine, 1, 0)}); err == nil {
		t.Error("a chart of nothing is no error")
	}
}

func TestWithUnit(t *testing.T) {
	for _, tt := range []struct {
		v    float64
		want string
	}{{0, "0"}, {0.25, "0.2"}, {1, "1"}, {9.94, "9.9"}, {9.96, "10"}, {999, "999"}, {999.6, "1k"}, {1500, "1.5k"}, {141231, "141k"}, {7.5e7, "75M"}, {3e12, "3000G"}} {
		if got := withUnit(tt.v, 1, "", "k", "M", "G"); got != tt.want {
			t.Errorf("%v is %q, want %q", tt.v, got, tt.want)
		}
	}
}
