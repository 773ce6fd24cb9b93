package pickle_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"sheaf/internal/pickle"
)

// TestMemory: a file of some megabytes that would make values of gigabytes is refused.
func TestMemory(t *testing.T) {
	t.Parallel()
	million := strings.Repeat("N", 1<<20-10)
	megabyte := "X\x00\x00\x10\x00" + strings.Repeat("x", 1<<20)
	long := "\x8b\xf4\x06\x00\x00" + strings.Repeat("x", 1780)
	var slots strings.Builder
	for i := range uint32(1_500_000) {
		slots.Write(binary.LittleEndian.AppendUint32([]byte("j"), i))
		slots.WriteByte('0')
	}
	for name, stream := range map[string]string{
		"a long list":   "](" + strings.Repeat(million+"e(", 8) + "e.",
		"many lists":    strings.Repeat("]0", 4<<20) + "N.",
		"many dicts":    "](" + strings.Repeat(strings.Repeat("}", 1000)+"e(", 4000) + "e.",
		"a text twice":  "(" + short(strings.Repeat("x", 128)) + strings.Repeat("2", 1<<20-10) + "l.",
		"paths":         "cpathlib\nPath\nq\x00" + megabyte + "q\x01(" + strings.Repeat("h\x00h\x01\x85R", 100) + "l.",
		"a long path":   "cpathlib\nPath\n" + megabyte + "q\x000(" + strings.Repeat("h\x00", 100) + "tR.",
		"fractions":     "cfractions\nFraction\nq\x00" + long + "q\x01(" + strings.Repeat("h\x00h\x01h\x01\x86R", 5000) + "l.",
		"memo slots":    strings.Repeat("N\x940", 1_500_000) + slots.String() + "N.",
		"kept in a doc": "](" + strings.Repeat("ct\nDoc\n)\x81}("+short("k")+"]("+strings.Repeat("N", 200000)+"e\x94ub0", 40) + "(" + strings.Repeat("h\x00", 1) + "te.",
	} {
		if name == "kept in a doc" { // each list is kept, for each is asked for at the end
			var gets strings.Builder
			for i := range 40 {
				fmt.Fprintf(&gets, "g%d\n", i)
			}
			stream = strings.Replace(stream, "(h\x00te.", "("+gets.String()+"te.", 1)
		}
		if v, err := load(stream); err == nil || !strings.Contains(err.Error(), "MB of memory") {
			t.Errorf("%s: %T, %v, want an error about memory", name, v, err)
		}
	}
}

// TestWeight: what is shared weighs as often as it is met.
func TestWeight(t *testing.T) {
	t.Parallel()
	stream := "](K\x01e"
	for i := range 60 {
		stream += fmt.Sprintf("p%d\ng%d\n\x86", i, i)
	}
	v, err := load(stream + ".")
	if err != nil {
		t.Fatal(err)
	}
	if w := pickle.Weight(v); w < 1<<60 {
		t.Errorf("2^60 lists weigh %d", w)
	}
}

// TestTake: entries that the caller takes are not in the dict, and cost no memory
// but for the entry.
func TestTake(t *testing.T) {
	t.Parallel()
	var stream strings.Builder
	stream.WriteString("](ct\nDoc\nq\x000}(")
	const n = 600_000
	for i := range n {
		if stream.Write(binary.LittleEndian.AppendUint32([]byte{'J'}, uint32(i))); i%1000 == 999 {
			stream.WriteString("h\x00)\x81}Vi\nI" + strconv.Itoa(i) + "\nsbu(")
		} else {
			stream.WriteString("h\x00)\x81}b")
		}
	}
	stream.WriteString("u}(K\x01K\x02K\x03h\x00)\x81}bue.")
	taken := 0
	var from *pickle.Dict
	o := options
	o.Take = func(into *pickle.Dict, _, value pickle.Value, _ func(int) pickle.Value) (bool, error) {
		if from == nil {
			from = into
		}
		_, ok := value.(*pickle.Object)
		if ok = ok && into == from; ok {
			taken++
		}
		return ok, nil
	}
	v, err := loadWith(stream.String(), o)
	if err != nil {
		t.Fatal(err)
	}
	items := v.(*pickle.List).Items
	if taken != n || len(items[0].(*pickle.Dict).Entries) != 0 || len(items[1].(*pickle.Dict).Entries) != 2 {
		t.Errorf("%d taken; left %d and %d", taken, len(items[0].(*pickle.Dict).Entries), len(items[1].(*pickle.Dict).Entries))
	}
	o.Take = func(*pickle.Dict, pickle.Value, pickle.Value, func(int) pickle.Value) (bool, error) {
		return false, errors.New("not this")
	}
	if _, err := loadWith("}K\x01K\x02s.", o); err == nil || err.Error() != "byte 5: not this" {
		t.Errorf("%v", err)
	}
}

// takeAll are options under which no dict keeps an entry.
func takeAll() pickle.Options {
	o := options
	o.Take = func(*pickle.Dict, pickle.Value, pickle.Value, func(int) pickle.Value) (bool, error) { return true, nil }
	return o
}

// TestTakeMillions: a store of short texts takes more memory than its pickle, and
// yet a million documents are not too many.
func TestTakeMillions(t *testing.T) {
	t.Parallel()
	const n = 600_000
	var docs, positions bytes.Buffer
	docs.WriteString("ct\nDoc\nq\x000}")
	for i := range uint32(n) {
		fmt.Fprintf(&docs, "\x8c\x0c%012dr%sh\x00)\x81}(\x8c\x04text\x8c\x01a\x8c\x01mNub", i, binary.LittleEndian.AppendUint32(nil, i+1))
		docs.WriteString("s")
		fmt.Fprintf(&positions, "J%sj%ss", binary.LittleEndian.AppendUint32(nil, i), binary.LittleEndian.AppendUint32(nil, i+1))
	}
	if _, err := loadWith(docs.String()+"}"+positions.String()+"\x86.", takeAll()); err != nil {
		t.Error(err)
	}
}

// TestTakeShared: an object that was taken still counts if the memo has it.
func TestTakeShared(t *testing.T) {
	t.Parallel()
	const n = 500_000
	var gets bytes.Buffer
	for i := range uint32(n) {
		gets.Write(binary.LittleEndian.AppendUint32([]byte("j"), i+1))
		gets.WriteByte('0')
	}
	stream := "ct\nDoc\nq\x000}" + strings.Repeat("Nh\x00)\x81}b\x94s", n) + gets.String() + "."
	if _, err := loadWith(stream, takeAll()); err == nil || !strings.Contains(err.Error(), "MB of memory") {
		t.Errorf("%v, want an error about memory", err)
	}
}

// TestMemoryIsCounted tells what a pickle takes while it is read, in bytes.
func TestMemoryIsCounted(t *testing.T) {
	t.Parallel()
	taken := takeAll()
	tests := []struct {
		stream string
		o      pickle.Options
		want   int64
	}{
		{"N.", options, 0}, {"](NNe.", options, 96}, {short("abc") + ".", options, 19}, {short("abc") + "2\x86.", options, 134}, {cEncode + "Vabc\nVlatin1\n\x86R.", options, 365},
		{"cfractions\nFraction\nK\x01K\x02\x86R.", options, 296}, {"(" + cSet + cSet + "00t.", options, 143}, {"]q\x00h\x000.", options, 128}, {short("a") + "q\x00h\x000.", options, 98},
		{"cpathlib\nPath\n" + short("ab") + short("cd") + "\x86R.", options, 329}, {cSet + "](NK\x01e\x85R.", options, 351}, {array("K\x02\x85", dtype("i1"), "\x89", raw("ab")) + ".", options, 1278},
		{"}" + short("a") + short("b") + "s.", options, 130}, {"}" + short("a") + short("b") + "s.", taken, 113}, {"}K\x01ct\nDoc\n)\x81}bs.", options, 229}, {"}K\x01ct\nDoc\n)\x81}bs.", taken, 165},
		{"}K\x01ct\nThing\n)\x81}bs.", options, 295}, {"}K\x01ct\nThing\n)\x81}bs.", taken, 295}, {"}K\x01ct\nDoc\n)\x81}b\x94s(h\x000d0.", taken, 357},
		{"ct\nDoc\n)\x81}" + short("a") + "](NNe\x94sb" + "h\x000.", options, 293}, {"ct\nDoc\n)\x81}" + short("a") + "](NNesb.", options, 133},
	}
	for _, tt := range tests {
		if _, took, err := pickle.LoadWithin(tt.stream, 1<<20, tt.o); took != tt.want || err != nil {
			t.Errorf("%q: %d bytes, %v, want %d", tt.stream, took, err, tt.want)
		}
	}
}
