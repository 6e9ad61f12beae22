package term

import (
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"
)

// Progress is how far a process has come.
type Progress struct {
	Begun       bool // else there is nothing to show
	Done, Total int64
	End         End
}

// End is how a process ended.
type End int

// The ends of a process.
const (
	Unended End = iota
	EndedWell
	EndedEarly
)

// Bars shows how far every process of a run is, on standard error, as long as
// that is a terminal. A nil one draws nothing.
type Bars struct {
	n        int
	name     func(int) string
	progress func(int) Progress
	writer   progress.Writer
	trackers map[int]*progress.Tracker
	all      *progress.Tracker // instead, where they would not fit
}

// NewBars returns the bars of n processes, or nil where nobody could see them. all is
// what one bar for all of them is called.
func NewBars(n int, name func(int) string, of func(int) Progress, all string, asJSON bool) *Bars {
	w := newWriter(asJSON)
	if w == nil {
		return nil
	}
	w.Style().Visibility.Speed = w.Style().Visibility.Value // where there is room for numbers
	w.Style().Options.ErrorString = "ended early"
	bars := &Bars{n: n, name: name, progress: of, writer: w, trackers: make(map[int]*progress.Tracker)}
	if _, height, err := term.GetSize(int(os.Stderr.Fd())); err == nil && n >= height {
		bars.all = &progress.Tracker{Message: all}
		w.AppendTracker(bars.all)
	}
	bars.Update()
	go w.Render()
	return bars
}

// newWriter returns what draws bars on standard error, or nil where nobody
// could see them.
func newWriter(asJSON bool) progress.Writer {
	terminal := int(os.Stderr.Fd())
	if asJSON || !term.IsTerminal(terminal) {
		return nil
	}
	w := progress.NewWriter()
	length, numbers := 30, true
	if width, _, err := term.GetSize(terminal); err == nil && width > 0 {
		// The rest of the line is the message and the percentage, and where there is room
		// the number, the time and the rate. Lines that wrap can't be drawn over.
		const message, rest = 28, 55
		if numbers = width >= rest+shortest; numbers {
			length = min(length, width-rest)
		} else {
			length = min(length, width-message)
		}
	}
	if length < 2 {
		return nil
	}
	w.SetOutputWriter(os.Stderr)
	w.SetUpdateFrequency(100 * time.Millisecond)
	w.SetTrackerPosition(progress.PositionRight)
	w.SetTrackerLength(length)
	w.SetStyle(progress.StyleBlocks)
	w.Style().Visibility.ETA = false
	w.Style().Visibility.Value, w.Style().Visibility.Time = numbers, numbers
	w.Style().Options.TimeInProgressPrecision = 100 * time.Millisecond
	return w
}

// shortest is how long a bar is at least, beside numbers.
const shortest = 3

// Update takes over how far they are.
func (b *Bars) Update() {
	if b == nil {
		return
	}
	var done, total int64
	for i := range b.n {
		p := b.progress(i)
		if !p.Begun {
			continue
		}
		if p.Total > 0 { // one that takes what comes has none
			done += p.Done
			total += p.Total
		}
		if b.all == nil {
			b.updateOne(i, p)
		}
	}
	if b.all != nil {
		b.all.UpdateTotal(total)
		b.all.SetValue(done)
	}
}

func (b *Bars) updateOne(i int, p Progress) {
	t := b.trackers[i]
	if t == nil {
		t = &progress.Tracker{Message: b.name(i), Total: p.Total}
		b.trackers[i] = t
		b.writer.AppendTracker(t)
	}
	t.SetValue(p.Done)
	switch p.End {
	case EndedWell:
		t.MarkAsDone()
	case EndedEarly:
		t.MarkAsErrored()
	}
}

// Stop takes over how far they came.
func (b *Bars) Stop() {
	if b == nil {
		return
	}
	b.Update()
	stopWriter(b.writer)
}

// stopWriter draws a last time and leaves the terminal to others.
func stopWriter(w progress.Writer) {
	time.Sleep(150 * time.Millisecond) // it draws when its time has come
	w.Stop()
	for w.IsRenderInProgress() {
		time.Sleep(10 * time.Millisecond)
	}
}

// Bar shows how far one thing is; nil where nobody could see it.
type Bar struct {
	writer  progress.Writer
	tracker *progress.Tracker
}

// NewBar returns the bar of something that has a number of parts.
func NewBar(message string, total int, asJSON bool) *Bar {
	w := newWriter(asJSON)
	if w == nil {
		return nil
	}
	b := &Bar{w, &progress.Tracker{Message: message, Total: int64(total)}}
	w.AppendTracker(b.tracker)
	go w.Render()
	return b
}

// Set says how many parts are done.
func (b *Bar) Set(n int) {
	if b != nil {
		b.tracker.SetValue(int64(n))
	}
}

// Stop leaves the terminal to others.
func (b *Bar) Stop() {
	if b != nil {
		stopWriter(b.writer)
	}
}
