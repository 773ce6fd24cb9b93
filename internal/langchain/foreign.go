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

// foreignHead is the first line that [Serve] writes. The ids of the vectors
// follow it as int64, rising, and then the vectors as float32, little-endian.
type foreignHead struct {
	Error  string `json:"error,omitempty"` // and nothing follows
	Dim    int    `json:"dim"`
	Ntotal int64  `json:"ntotal"`
	Metric int32  `json:"metric"`
	Exact  bool   `json:"exact"`
}

// serveBatch is how many vectors are decoded at once.
const serveBatch = 1024

// Serve reads the index in size bytes of f from offset on, of any type, with
// the Faiss library, and writes its vectors to w. A bad file can make the
// library do anything: the process has to have limits, and nothing to lose.
func Serve(f *os.File, offset, size int64, w io.Writer) error {
	x, err := faiss.OpenForeign(f, offset, size)
	if err != nil {
		return json.NewEncoder(w).Encode(foreignHead{Error: err.Error()})
	}
	defer x.Close()
	head := foreignHead{Dim: x.D, Ntotal: x.Ntotal, Metric: int32(x.Metric), Exact: x.Exact}
	first, err := x.Decode(0, min(serveBatch, head.Ntotal))
	if err != nil { // some types say only now that they cannot
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

// maxHead bounds the first line of what a served index says.
const maxHead = 64 << 10

// openForeign has the index served by another process, whose every word is
// held against the header that was read here.
func (x *Index) openForeign(ctx context.Context, f *os.File, offset, size int64, o Options) error {
	if o.Foreign == nil {
		return errors.New("an index of type " + x.Type)
	}
	served, err := o.Foreign(ctx, f, offset, size)
	if err != nil {
		return err
	}
	x.close = served.Close
	if err := x.meet(bufio.NewReaderSize(served, maxHead)); err != nil {
		return errors.Join(err, served.Close())
	}
	return nil
}

func (x *Index) meet(served *bufio.Reader) error {
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
		return fmt.Errorf("it is no %s that Faiss can read: %s", x.Type, head.Error)
	case head.Dim != x.Dim || head.Ntotal != x.Ntotal || head.Metric != int32(x.Metric):
		return errors.New("its header says something else than its content")
	}
	x.Exact = head.Exact
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
