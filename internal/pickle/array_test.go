package pickle

import (
	"encoding/binary"
	"strings"
	"testing"
)

func newAxes(axes ...int64) *Tuple {
	t := &Tuple{}
	for _, n := range axes {
		t.Items = append(t.Items, n)
	}
	return t
}

// TestShapesAtTheLimits: numbers and lists of an array as JSON are as many as a text has bytes, at most.
func TestShapesAtTheLimits(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		axes []int64
		fits bool
	}{
		"as many numbers":    {[]int64{maxText}, true},
		"as many lists":      {[]int64{maxText - 2, 1}, true},
		"a list more":        {[]int64{maxText - 1, 1}, false},
		"lists of nothing":   {[]int64{maxText, 1, 0}, false},
		"numbers but no row": {[]int64{maxText / 2, 4}, false},
	} {
		size := int64(1)
		for _, n := range c.axes {
			size *= n
		}
		err := emptyArray().set(newAxes(c.axes...), &DType{kind: 'u', size: 1}, false, &Bytes{n: size})
		if fits := err == nil; fits != c.fits || err != nil && !strings.Contains(err.Error(), "more than") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestArraysInArrays: arrays of arrays are nested no deeper than other values.
func TestArraysInArrays(t *testing.T) {
	t.Parallel()
	var v Value = int64(1)
	for depth := range 2 * MaxDepth {
		l := &List{}
		err := l.add(v)
		l.Items = []Value{v}
		a := emptyArray()
		if err == nil {
			err = a.set(newAxes(1), &DType{kind: 'O', size: 8}, false, l)
		}
		if err != nil {
			if depth < MaxDepth/2-1 || !strings.Contains(err.Error(), "nested deeper") {
				t.Errorf("at depth %d: %v", depth, err)
			}
			return
		}
		v = a
	}
	t.Error("arrays are nested as deep as can be")
}

// TestItemsOfSeveralBytes: each item of an array is read from its own place.
func TestItemsOfSeveralBytes(t *testing.T) {
	t.Parallel()
	data := string(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, 7), 70_000))
	a := emptyArray()
	err := a.set(newAxes(2), &DType{kind: 'i', size: 4, order: binary.LittleEndian}, false, &Bytes{r: strings.NewReader(data), n: 8})
	if err != nil {
		t.Fatal(err)
	}
	if got, _, err := AppendJSON(nil, a); err != nil || string(got) != "[7,70000]" {
		t.Errorf("%s, %v", got, err)
	}
}

// TestTimesWithoutAText: times whose years have more than four digits, or are negative, are errors.
func TestTimesWithoutAText(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{-420_000, 420_000} {
		if v, err := dateTime64(n, "W", 1); err == nil {
			t.Errorf("%d weeks: %v", n, v)
		}
	}
}

// TestEscapesBeginWithABackslash: a letter that could follow one is a letter.
func TestEscapesBeginWithABackslash(t *testing.T) {
	t.Parallel()
	const stream = "Vau0041\\u0041\n."
	if v, _, err := Load(strings.NewReader(stream), int64(len(stream)), Options{}); err != nil || v != "au0041A" {
		t.Errorf("%v, %v", v, err)
	}
}
