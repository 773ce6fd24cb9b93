package pickle_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"sheaf/internal/pickle"
)

// TestWindow reads texts and lines that do not fit the window.
func TestWindow(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 300_000)
	stream := "](" + "V" + long + "\n" + fmt.Sprintf("X%s%s", []byte{0xe0, 0x93, 0x04, 0}, long) + "Vend\ne."
	v, err := load(stream)
	if err != nil {
		t.Fatal(err)
	}
	if got := v.(*pickle.List).Items; len(got) != 3 || got[0] != long || got[1] != long || got[2] != "end" {
		t.Error("the texts differ")
	}
	if _, err := load("V" + long); err == nil {
		t.Error("a line without an end was read")
	}
}

type failing struct{}

func (failing) ReadAt([]byte, int64) (int, error) { return 0, errors.New("disk on fire") }

func TestReadError(t *testing.T) {
	t.Parallel()
	var own *pickle.Error
	if _, _, err := pickle.Load(failing{}, 10, options); err == nil || !strings.Contains(err.Error(), "disk on fire") || errors.As(err, &own) {
		t.Errorf("%v", err)
	}
}

// changing is a file that changes after it was read once.
type changing struct {
	*strings.Reader
	changed string
}

func (c *changing) ReadAt(b []byte, off int64) (n int, err error) {
	n, err = c.Reader.ReadAt(b, off)
	if off+int64(n) == c.Size() {
		c.Reset(c.changed)
	}
	return n, err
}

func TestFileChanges(t *testing.T) {
	t.Parallel()
	good := "](h\x00e" + strings.Repeat("N0", 1<<16) + "."
	file := &changing{strings.NewReader(strings.Replace(good, "](h\x00e", "]q\x00N0h", 1)), good}
	if v, _, err := pickle.Load(file, int64(len(good)), options); err == nil {
		t.Errorf("a changed file was read: %v", v)
	}
}

// TestWindowEdges reads values of many sizes, so that some of each kind lie on the
// edges of the window.
func TestWindowEdges(t *testing.T) {
	t.Parallel()
	var stream strings.Builder
	var want []string
	stream.WriteString("](")
	for i := range 20_000 {
		text := strings.Repeat("x", i%131)
		switch i % 4 {
		case 0:
			fmt.Fprintf(&stream, "I%d\n", i)
			want = append(want, fmt.Sprint(i))
		case 1:
			fmt.Fprintf(&stream, "J%s", binary.LittleEndian.AppendUint32(nil, uint32(i)))
			want = append(want, fmt.Sprint(i))
		case 2:
			stream.WriteString(short(text))
			want = append(want, `"`+text+`"`)
		case 3:
			fmt.Fprintf(&stream, "V%s\n", text)
			want = append(want, `"`+text+`"`)
		}
	}
	stream.WriteString("e")
	if got, err := asJSON(stream.String()); err != nil || got != "["+strings.Join(want, ",")+"]" {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

// TestReadsAtTheEdge: instructions whose arguments are behind the window, and reads of these that fail.
func TestReadsAtTheEdge(t *testing.T) {
	t.Parallel()
	const window = 64 << 10
	for _, in := range []string{"Vabc\n0", "I5\n0", "Np0\ng0\n00", cSet + "0", "J\x01\x02\x03\x040", "K\x050", short("a") + "0", "\x8a\x01\x050"} {
		for behind := 1; behind < 16; behind += 3 {
			filled := fmt.Sprintf("X%s%s0", binary.LittleEndian.AppendUint32(nil, window-6-uint32(behind)), strings.Repeat("x", window-6-behind))
			stream := filled + in + strings.Repeat("N0", 100) + "N."
			if v, err := load(stream); v != pickle.None || err != nil {
				t.Errorf("%q: %v, %v", in, v, err)
			}
			readsThatFail(t, stream)
		}
	}
}
