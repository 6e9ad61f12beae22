package main

import (
	"os"
	"time"

	"github.com/jedib0t/go-pretty/v6/progress"
	"golang.org/x/term"
)

// bars shows how far every process of a run is, on standard error, as long as
// that is a terminal. It reads the slots as they are: their owners don't know.
type bars struct {
	slots    []slot
	name     func(int) string // of a slot's process
	writer   progress.Writer
	trackers map[int]*progress.Tracker // by slot
	all      *progress.Tracker         // instead, where they would not fit
}

// newBars returns nil, which draws nothing, where nobody could see them. all is
// what one bar for all of them is called.
func newBars(slots []slot, name func(int) string, all string, asJSON bool) *bars {
	w := newWriter(asJSON)
	if w == nil {
		return nil
	}
	w.Style().Visibility.Speed = true
	w.Style().Options.ErrorString = "ended early"
	bars := &bars{slots: slots, name: name, writer: w, trackers: make(map[int]*progress.Tracker)}
	if _, height, err := term.GetSize(int(os.Stderr.Fd())); err == nil && len(slots) >= height {
		bars.all = &progress.Tracker{Message: all}
		w.AppendTracker(bars.all)
	}
	bars.update()
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
	length := 30
	if width, _, err := term.GetSize(terminal); err == nil {
		// The rest of the line is the message, the percentage, the number and
		// the rate. Lines that wrap can't be drawn over.
		length = min(length, width-55)
	}
	if length < 3 {
		return nil
	}
	w.SetOutputWriter(os.Stderr)
	w.SetUpdateFrequency(100 * time.Millisecond)
	w.SetTrackerPosition(progress.PositionRight)
	w.SetTrackerLength(length)
	w.SetStyle(progress.StyleBlocks)
	w.Style().Visibility.ETA = false
	w.Style().Options.TimeInProgressPrecision = 100 * time.Millisecond
	return w
}

// update takes over what the slots say.
func (b *bars) update() {
	if b == nil {
		return
	}
	var total, own int64
	for i := range b.slots {
		s := &b.slots[i]
		if s.State.Load() == free {
			continue
		}
		if target := s.Target.Load(); target > 0 { // one that takes what comes has none
			total += int64(target)
			own += int64(s.Own.Load())
		}
		if b.all == nil {
			b.updateSlot(i, s)
		}
	}
	if b.all != nil {
		b.all.UpdateTotal(total)
		b.all.SetValue(own)
	}
}

func (b *bars) updateSlot(i int, s *slot) {
	t := b.trackers[i]
	if t == nil {
		t = &progress.Tracker{Message: b.name(i), Total: int64(s.Target.Load())}
		b.trackers[i] = t
		b.writer.AppendTracker(t)
	}
	t.SetValue(int64(s.Own.Load()))
	switch s.State.Load() {
	case done:
		t.MarkAsDone()
	case left, dead, stopped, useless:
		t.MarkAsErrored()
	}
}

// stop takes over what the slots say at the end.
func (b *bars) stop() {
	if b == nil {
		return
	}
	b.update()
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

// bar shows how far one thing is; nil where nobody could see it.
type bar struct {
	writer  progress.Writer
	tracker *progress.Tracker
}

func newBar(message string, total int, asJSON bool) *bar {
	w := newWriter(asJSON)
	if w == nil {
		return nil
	}
	b := &bar{w, &progress.Tracker{Message: message, Total: int64(total)}}
	w.AppendTracker(b.tracker)
	go w.Render()
	return b
}

func (b *bar) set(n int) {
	if b != nil {
		b.tracker.SetValue(int64(n))
	}
}

func (b *bar) stop() {
	if b != nil {
		stopWriter(b.writer)
	}
}
