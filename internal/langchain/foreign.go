package langchain

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"sheaf/internal/faiss"
	"sheaf/internal/vector"
)

// foreignHead is the first line that [Serve] writes. The labels of the vectors
// follow as int64 in ascending order, and then the vectors as float32, both
// little-endian.
type foreignHead struct {
	Error     string          `json:"error,omitempty"` // nothing follows it
	Dim       int             `json:"dim"`
	Ntotal    int64           `json:"ntotal"`
	Metric    int32           `json:"metric"`
	Transform faiss.Transform `json:"transform"`
	Exact     bool            `json:"exact"`
}

// serveBatch is the number of vectors that are decoded at once.
const serveBatch = 1024

// Serve reads the index of any type in size bytes of f from offset on with the
// Faiss library, and writes its vectors to w. A damaged file can make the library
// do anything, so the process must have limits and nothing to lose.
func Serve(f *os.File, offset, size int64, w io.Writer) error {
	x, err := faiss.OpenForeign(f, offset, size)
	if err != nil {
		return json.NewEncoder(w).Encode(foreignHead{Error: err.Error()})
	}
	defer x.Close()
	head := foreignHead{Dim: x.D, Ntotal: x.Ntotal, Metric: int32(x.Metric), Transform: x.Transform, Exact: x.Exact}
	first, err := x.Decode(0, min(serveBatch, head.Ntotal))
	if err != nil { // some types report only here that they cannot
		return json.NewEncoder(w).Encode(foreignHead{Error: err.Error()})
	}
	if err := json.NewEncoder(w).Encode(head); err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 1<<20)
	var b []byte
	for _, label := range x.Labels {
		b = binary.LittleEndian.AppendUint64(b[:0], uint64(label))
		out.Write(b)
	}
	out.Write(vector.Bytes(first))
	for at := int64(serveBatch); at < head.Ntotal; at += serveBatch {
		block, err := x.Decode(at, min(serveBatch, head.Ntotal-at))
		if err != nil {
			return err
		}
		out.Write(vector.Bytes(block))
	}
	return out.Flush()
}

// maxHead limits the first line of the output of Serve.
const maxHead = 64 << 10

// openForeign starts a process that reads the index, and compares its output with
// the header that was read here.
func (x *Index) openForeign(ctx context.Context, f *os.File, offset, size int64, o Options) error {
	if o.Foreign == nil {
		return errors.New("an index of type " + x.Type)
	}
	served, err := o.Foreign(ctx, f, offset, size)
	if err != nil {
		return err
	}
	x.close = served.Close
	if err := x.readHead(bufio.NewReaderSize(served, maxHead)); err != nil {
		return errors.Join(err, served.Close())
	}
	return nil
}

// readHead reads all but the vectors of the output of Serve.
func (x *Index) readHead(served *bufio.Reader) error {
	line, err := served.ReadSlice('\n')
	if err != nil {
		return fmt.Errorf("it is a damaged %s: Faiss cannot read it", x.Type)
	}
	var head foreignHead
	if err := json.Unmarshal(line, &head); err != nil {
		return fmt.Errorf("what Faiss says of this %s: %w", x.Type, err)
	}
	switch {
	case head.Error != "":
		return fmt.Errorf("it is no %s that vectors can be read from: %s", x.Type, head.Error)
	case head.Dim != x.Dim || head.Ntotal != x.Ntotal || head.Metric != int32(x.Metric):
		return errors.New("its header says something else than its content")
	}
	x.Transform, x.Exact = head.Transform, head.Exact
	labels := make([]byte, 8*x.Ntotal)
	if _, err := io.ReadFull(served, labels); err != nil {
		return fmt.Errorf("it is a damaged %s: Faiss cannot read it", x.Type)
	}
	x.labels = make([]int64, x.Ntotal)
	for i := range x.labels {
		x.labels[i] = int64(binary.LittleEndian.Uint64(labels[8*i:]))
	}
	x.floats = served
	return nil
}
