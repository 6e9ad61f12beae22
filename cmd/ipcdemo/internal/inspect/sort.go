package inspect

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// sorted puts objects into the order of a column, those of one kind that have it. A minus
// before its name turns that round.
func (d *details) sorted(all []object, c column, descending bool) []object {
	value := make([]any, len(all))
	order := make([]int, len(all))
	for i, o := range all {
		value[i], order[i] = c.value(d, o), i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		n := compare(value[i], value[j])
		if descending {
			return -n
		}
		return n
	})
	out := make([]object, len(all))
	for i, j := range order {
		out[i] = all[j]
	}
	return out
}

func compare(a, b any) int {
	switch a := a.(type) {
	case int:
		return cmp.Compare(a, b.(int))
	case size:
		return cmp.Compare(a, b.(size))
	case time.Time:
		return a.Compare(b.(time.Time))
	}
	return strings.Compare(a.(string), b.(string))
}

// order puts a listing into the order of --sort, where its kinds have the column.
func (d *details) order(k kinds, by string) error {
	if by == "" {
		return nil
	}
	name, descending := strings.CutPrefix(by, "-")
	if _, err := findColumns([]string{name}, k); err != nil {
		return err
	}
	sort := func(one kinds) []object {
		all := d.objects(one)
		if found, err := findColumns([]string{name}, one); err == nil {
			all = d.sorted(all, found[0], descending)
		}
		return all
	}
	queues, segments, sets := sort(ofQueues), sort(ofSegments), sort(ofSets)
	l := *d.listing
	l.queues, l.segments, l.sets = nil, nil, nil
	for _, o := range queues {
		l.queues = append(l.queues, *o.queue)
	}
	for _, o := range segments {
		l.segments = append(l.segments, *o.segment)
	}
	for _, o := range sets {
		l.sets = append(l.sets, *o.set)
	}
	d.listing = &l
	return nil
}
