package event

import (
	"fmt"
	"strings"
	"testing"

	"example.com/sysvipc/sysv/internal/test/storm"
)

// The protocol's machines, run in every order in which their steps can follow one
// another, with a death before each of them, and so also a stop of any length: that
// is a step which comes late. There is no time here, in which waiters look again:
// it would hide what is to be found. The kernel puts a waiter to sleep only if the
// word is what he says, and wakes all who sleep; memory is sequentially consistent,
// as Go's atomics are.

// What is to be true in every state:
const (
	// Once an advance is complete, nobody sleeps who waits for what was there before
	// it began, whoever else has died.
	noneOversleeps = "nobody oversleeps an advance"
	// Whoever sleeps has his mark in the word, so that the next advance wakes him.
	sleepersAreMarked = "who sleeps is marked"
	// Where nobody can go on and nobody has died, all have what they waited for.
	allFinish = "all finish"
)

// A scenario is who takes part.
type scenario struct {
	name      string
	waiters   []waiterKind
	notifiers []notifierKind
	rounds    uint8 // of each notifier
	deaths    uint8
	first     Seen // the sequence at the beginning
}

type waiterKind int

const (
	untils     waiterKind = iota + 1 // announces before he looks
	awaits                           // reads
	looksFirst                       // announces after he has looked
)

type notifierKind int

const (
	advances notifierKind = iota + 1
	advancesIfAwaited
	advancesFirst // and then changes
)

const last = Seen(1<<30 - 1)

var scenarios = []scenario{
	{name: "Advance", waiters: []waiterKind{awaits, untils}, notifiers: []notifierKind{advances, advances}, rounds: 1, deaths: 4},
	{name: "AdvanceIfAwaited", waiters: []waiterKind{untils, untils}, notifiers: []notifierKind{advancesIfAwaited, advancesIfAwaited}, rounds: 1, deaths: 4},
	{name: "both", waiters: []waiterKind{untils}, notifiers: []notifierKind{advances, advancesIfAwaited}, rounds: 2, deaths: 3},
	{name: "the sequence comes round", waiters: []waiterKind{awaits}, notifiers: []notifierKind{advances, advances}, rounds: 2, deaths: 3, first: last - 1},
	{name: "three waiters", waiters: []waiterKind{awaits, untils, untils}, notifiers: []notifierKind{advances}, rounds: 2, deaths: 2},
}

var largeScenarios = []scenario{
	{name: "Advance twice", waiters: []waiterKind{awaits, untils}, notifiers: []notifierKind{advances, advances}, rounds: 2, deaths: 2},
	{name: "AdvanceIfAwaited twice", waiters: []waiterKind{untils, untils}, notifiers: []notifierKind{advancesIfAwaited, advancesIfAwaited}, rounds: 2, deaths: 2},
	{name: "both, two waiters", waiters: []waiterKind{untils, untils}, notifiers: []notifierKind{advances, advancesIfAwaited}, rounds: 2, deaths: 1, first: last - 2},
	{name: "three notifiers", waiters: []waiterKind{untils}, notifiers: []notifierKind{advancesIfAwaited, advancesIfAwaited, advances}, rounds: 1, deaths: 4},
	{name: "three waiters, two notifiers", waiters: []waiterKind{untils, untils, untils}, notifiers: []notifierKind{advancesIfAwaited, advances}, rounds: 1, deaths: 1},
}

// pair is what most mutants need to go wrong.
var pair = scenario{waiters: []waiterKind{awaits, untils}, notifiers: []notifierKind{advances, advances}, rounds: 2, deaths: 1}

const most = 3 // waiters, and notifiers

// A world is a state.
type world struct {
	word    uint32
	changes uint8 // so many were made
	told    uint8 // so many were made before some complete advance began
	deaths  uint8 // so many are left
	died    bool
	waiters [most]sleeper
	others  [most]notifier
}

// A sleeper waits until there are so many changes as he wants.
type sleeper struct {
	stage  stage
	want   uint8
	seen   Seen
	say    announcement
	wait   waiting
	asleep bool
}

type notifier struct {
	stage  stage
	left   uint8 // rounds
	covers uint8 // changes that were made when the advance began
	say    advance
}

type stage uint8

const (
	announces stage = iota
	asks
	waits
	changes
	tells
	finished
	dead
)

// A model is a scenario with the protocol, or with a fault in it.
type model struct {
	scenario
	// bed is what the machines work on, if not on the world itself.
	bed func(cell) bed
	// then is the place that a machine comes to where the protocol's is another.
	then map[[2]place]place
}

// A cell is the world as one of the waiters, or a notifier, sees it.
type cell struct {
	*world
	who int
}

func (c cell) load() uint32            { return c.word }
func (c cell) add(delta uint32) uint32 { c.word += delta; return c.word }
func (c cell) swap(old, new uint32) bool {
	if c.word != old {
		return false
	}
	c.word = new
	return true
}

func (c cell) wake() {
	for i := range c.waiters {
		c.waiters[i].asleep = false
	}
}

func (c cell) sleep(value uint32) { c.waiters[c.who].asleep = c.word == value }

func (m *model) begin() world {
	w := world{word: uint32(m.first) << 2, deaths: m.deaths}
	for i := range w.waiters {
		w.waiters[i].stage = finished
		w.others[i].stage = finished
	}
	for i := range m.waiters {
		all := len(m.notifiers) * int(m.rounds) // changes, for which the first waits
		w.waiters[i] = sleeper{want: uint8(max(1, all-i)), stage: first(m.waiters[i])}
	}
	for i, kind := range m.notifiers {
		w.others[i] = notifier{left: m.rounds}
		m.nextRound(&w.others[i], kind, &w)
	}
	return w
}

func first(kind waiterKind) stage {
	if kind == looksFirst {
		return asks
	}
	return announces
}

// changing is where a notifier is before he advances.
const changing = done

func (m *model) after(at, next place) place {
	if other, ok := m.then[[2]place{at, next}]; ok {
		return other
	}
	return next
}

// onWaiter does the next step of a waiter.
func (m *model) onWaiter(w *world, i int) {
	s, b := &w.waiters[i], m.bed(cell{w, i})
	switch s.stage {
	case announces:
		if m.waiters[i] == awaits {
			s.seen = sequence(b.load())
			s.stage = asks
			return
		}
		s.say.step(b)
		if s.say.at == done {
			s.seen, s.say, s.stage = s.say.seen, announcement{}, asks
			if m.waiters[i] == looksFirst {
				s.stage = waits
				s.wait = waiting{seen: s.seen}
			}
		}
	case asks:
		switch {
		case w.changes >= s.want:
			*s = sleeper{stage: finished}
		case m.waiters[i] == looksFirst:
			s.stage = announces
		default:
			s.stage, s.wait = waits, waiting{seen: s.seen}
		}
	case waits:
		at := s.wait.at
		s.wait.step(b)
		s.wait.at = m.after(at, s.wait.at)
		if s.wait.at == done {
			s.wait, s.stage = waiting{}, first(m.waiters[i])
		}
	}
}

// onNotifier does the next step of a notifier.
func (m *model) onNotifier(w *world, i int) {
	n := &w.others[i]
	switch n.stage {
	case changes:
		w.changes++
		if m.notifiers[i] == advancesFirst {
			m.nextRound(n, m.notifiers[i], w)
			return
		}
		m.tell(n, m.notifiers[i], w)
	case tells:
		at := n.say.at
		n.say.step(m.bed(cell{w, i}))
		n.say.at = m.after(at, n.say.at)
		if n.say.at == done {
			w.told = max(w.told, n.covers)
			if m.notifiers[i] == advancesFirst {
				n.stage = changes
				return
			}
			m.nextRound(n, m.notifiers[i], w)
		}
	}
}

func (m *model) nextRound(n *notifier, kind notifierKind, w *world) {
	if n.left == 0 {
		*n = notifier{stage: finished}
		return
	}
	n.left--
	n.say, n.covers, n.stage = advance{}, 0, changes
	if kind == advancesFirst {
		m.tell(n, kind, w)
	}
}

func (m *model) tell(n *notifier, kind notifierKind, w *world) {
	n.stage, n.covers, n.say.at = tells, w.changes, m.after(changing, adding)
	if kind == advancesIfAwaited {
		n.say.at = looking
	}
}

// A move is a state that can follow, and what leads there: a step, or a death, of a
// waiter or of a notifier.
type move struct {
	to    world
	who   int
	other bool
	dies  bool
}

// moves are all that can happen next. Nothing goes on by itself if there is none that
// must.
func (m *model) moves(w *world, all []move) (_ []move, must bool) {
	for i := range m.waiters {
		s := &w.waiters[i]
		if s.stage == finished || s.stage == dead {
			continue
		}
		if !s.asleep {
			all, must = append(all, move{to: *w, who: i}), true
			m.onWaiter(&all[len(all)-1].to, i)
		}
		if w.deaths > 0 {
			all = append(all, move{to: *w, who: i, dies: true})
			all[len(all)-1].to.waiters[i] = sleeper{stage: dead}
		}
	}
	for i := range m.notifiers {
		n := &w.others[i]
		if n.stage == finished || n.stage == dead {
			continue
		}
		all, must = append(all, move{to: *w, who: i, other: true}), true
		m.onNotifier(&all[len(all)-1].to, i)
		if w.deaths > 0 {
			all = append(all, move{to: *w, who: i, other: true, dies: true})
			all[len(all)-1].to.others[i] = notifier{stage: dead}
		}
	}
	for i := range all {
		if to := &all[i].to; all[i].dies {
			to.deaths, to.died = w.deaths-1, true
		}
	}
	return all, must
}

// broken is the property that a state does not have.
func (m *model) broken(w *world, goesOn bool) string {
	for i := range m.waiters {
		s := &w.waiters[i]
		switch {
		case s.asleep && s.want <= w.told:
			return noneOversleeps
		case s.asleep && m.bed(cell{w, i}).load()&mark(s.wait.seen) == 0:
			return sleepersAreMarked
		case !goesOn && !w.died && s.stage != finished:
			return allFinish
		}
	}
	return ""
}

// explore returns how many states there are, and the first that breaks a property.
func (m *model) explore() (states int, broken, trace string) {
	worlds, from := []world{m.begin()}, []int{0}
	known := map[world]bool{worlds[0]: true}
	var moves []move
	for i := 0; i < len(worlds); i++ {
		var must bool
		moves, must = m.moves(&worlds[i], moves[:0])
		if broken := m.broken(&worlds[i], must); broken != "" {
			return len(worlds), broken, m.trace(worlds, from, i)
		}
		for _, mv := range moves {
			if !known[mv.to] {
				known[mv.to] = true
				worlds, from = append(worlds, mv.to), append(from, i)
			}
		}
	}
	return len(worlds), "", ""
}

// trace is how a state came about.
func (m *model) trace(worlds []world, from []int, i int) string {
	if i == 0 {
		return ""
	}
	before := &worlds[from[i]]
	moves, _ := m.moves(before, nil)
	for _, mv := range moves {
		if mv.to == worlds[i] {
			return m.trace(worlds, from, from[i]) + fmt.Sprintf("%s -> %d|%02b\n", mv.of(before), sequence(mv.to.word), mv.to.word&marks)
		}
	}
	panic("a state that nothing leads to")
}

func (mv move) of(w *world) string {
	who, does := fmt.Sprint("waiter ", mv.who), w.waiters[mv.who].String()
	if mv.other {
		who, does = fmt.Sprint("notifier ", mv.who), w.others[mv.who].String()
	}
	if mv.dies {
		does = "dies"
	}
	return who + " " + does
}

func (s sleeper) String() string {
	switch s.stage {
	case announces:
		return "announces, " + s.say.at.String()
	case asks:
		return "asks"
	}
	return "waits, " + s.wait.at.String()
}

func (n notifier) String() string {
	if n.stage == changes {
		return "changes"
	}
	return "advances, " + n.say.at.String()
}

func (p place) String() string {
	return strings.Fields("looking marking sleeping adding waking clearing checking done")[p]
}

func protocol(in scenario) *model {
	return &model{scenario: in, bed: func(c cell) bed { return c }}
}

func TestModel(t *testing.T) {
	all, states := scenarios, 0
	if storm.Amount(0, 1) > 0 {
		all = append(all[:len(all):len(all)], largeScenarios...)
	}
	for _, in := range all {
		t.Run(in.name, func(t *testing.T) {
			n, broken, trace := protocol(in).explore()
			t.Logf("%d states", n)
			states += n
			if broken != "" {
				t.Errorf("not so: %s\n%s", broken, trace)
			}
		})
	}
	t.Logf("event model: %d states in %d scenarios", states, len(all))
}

// faulty is a cell with a fault.
type faulty struct {
	cell
	onAdd   func(c cell, delta uint32) uint32
	onSwap  func(c cell, old, new uint32) bool
	onLoad  func(c cell) uint32
	onWake  func(c cell)
	onSleep func(c cell, value uint32)
}

func (f faulty) add(delta uint32) uint32 {
	if f.onAdd != nil {
		return f.onAdd(f.cell, delta)
	}
	return f.cell.add(delta)
}

func (f faulty) swap(old, new uint32) bool {
	if f.onSwap != nil {
		return f.onSwap(f.cell, old, new)
	}
	return f.cell.swap(old, new)
}

func (f faulty) load() uint32 {
	if f.onLoad != nil {
		return f.onLoad(f.cell)
	}
	return f.cell.load()
}

func (f faulty) wake() {
	if f.onWake != nil {
		f.onWake(f.cell)
		return
	}
	f.cell.wake()
}

func (f faulty) sleep(value uint32) {
	if f.onSleep != nil {
		f.onSleep(f.cell, value)
		return
	}
	f.cell.sleep(value)
}

// clears tells whether a compare-and-swap takes a mark away.
func clears(old, new uint32) bool { return new&marks < old&marks }

// mutants are the protocol with one fault each. That the exploration finds it shows
// that it would be missed.
var mutants = []struct {
	name   string
	faults faulty
	then   map[[2]place]place
	in     scenario
	breaks string
}{
	// Who waits at a later sequence has set the same mark.
	{name: "one mark, taken away after the waking", breaks: sleepersAreMarked, in: pair, faults: faulty{
		onLoad: func(c cell) uint32 { return c.word | c.word&1<<1 },
		onAdd:  func(c cell, delta uint32) uint32 { c.word += delta; return c.word | c.word&1<<1 },
		onSwap: func(c cell, old, new uint32) bool {
			if clears(old, new) {
				return c.swap(old&^2, old&^marks)
			}
			return c.swap(old&^2, old&^2|1)
		},
		onSleep: func(c cell, value uint32) { c.sleep(value &^ 2) },
	}},
	// Who is killed before he wakes the others leaves no mark of them.
	{name: "marks taken away with the addition", breaks: sleepersAreMarked, in: pair, faults: faulty{
		onAdd: func(c cell, delta uint32) uint32 {
			now := c.word + delta
			c.word = now &^ marks
			return now
		},
	}},
	{name: "no waking", breaks: sleepersAreMarked, in: pair, then: map[[2]place]place{{adding, waking}: clearing}},
	{name: "one is woken", breaks: sleepersAreMarked, in: pair, faults: faulty{
		onWake: func(c cell) {
			for i := range c.waiters {
				if c.waiters[i].asleep {
					c.waiters[i].asleep = false
					return
				}
			}
		},
	}},
	{name: "the mark taken away before the waking", breaks: sleepersAreMarked, in: pair, then: map[[2]place]place{
		{adding, waking}: clearing, {clearing, done}: waking, {checking, done}: waking, {waking, clearing}: done}},
	{name: "the mark taken away whatever the sequence", breaks: sleepersAreMarked, in: pair, faults: faulty{
		onSwap: func(c cell, old, new uint32) bool {
			if clears(old, new) {
				c.word &^= old &^ new
				return true
			}
			return c.swap(old, new)
		},
	}},
	{name: "the newer mark taken away", breaks: sleepersAreMarked, in: pair, faults: faulty{
		onSwap: func(c cell, old, new uint32) bool {
			if clears(old, new) {
				return c.swap(old, old&^mark(sequence(old)))
			}
			return c.swap(old, new)
		},
	}},
	{name: "the waking before the addition", breaks: noneOversleeps, in: pair, then: map[[2]place]place{
		{changing, adding}: waking, {waking, done}: adding, {adding, waking}: done}},

	{name: "no mark", breaks: sleepersAreMarked, in: pair, then: map[[2]place]place{{looking, marking}: sleeping}},
	{name: "the mark set by a store", breaks: sleepersAreMarked, in: pair, faults: faulty{
		onSwap: func(c cell, old, new uint32) bool {
			if !clears(old, new) {
				c.word = new
				return true
			}
			return c.swap(old, new)
		},
	}},
	{name: "asleep whatever the word", breaks: sleepersAreMarked, in: pair, faults: faulty{
		onSleep: func(c cell, value uint32) { c.waiters[c.who].asleep = true },
	}},

	{name: "AdvanceIfAwaited where nobody announces", breaks: noneOversleeps,
		in: scenario{waiters: []waiterKind{awaits}, notifiers: []notifierKind{advancesIfAwaited}, rounds: 1}},
	{name: "announced after the look", breaks: noneOversleeps,
		in: scenario{waiters: []waiterKind{looksFirst}, notifiers: []notifierKind{advancesIfAwaited}, rounds: 1}},
	{name: "the advance before the change", breaks: allFinish,
		in: scenario{waiters: []waiterKind{untils}, notifiers: []notifierKind{advancesFirst}, rounds: 1}},
}

func TestMutants(t *testing.T) {
	for _, mu := range mutants {
		t.Run(mu.name, func(t *testing.T) {
			m := protocol(mu.in)
			m.bed = func(c cell) bed {
				f := mu.faults
				f.cell = c
				return f
			}
			m.then = mu.then
			_, broken, trace := m.explore()
			if broken != mu.breaks {
				t.Errorf("broken is %q, want %q\n%s", broken, mu.breaks, trace)
			}
		})
	}
}
