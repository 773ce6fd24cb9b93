package faiss

import (
	"encoding/binary"
	"fmt"
	"math"

	"sheaf/internal/vector"
)

// HeaderSize is the number of bytes before the floats in an IndexFlat file.
const HeaderSize = 45

// Header is the start of an IndexFlat file as faiss::write_index writes it and
// faiss::read_index reads it (faiss/impl/index_write.cpp), all little-endian:
//
//	 0  fourcc    "IxF2" for L2, "IxFI" for inner product
//	 4  int32     d
//	 8  int64     ntotal
//	16  2×int64   ignored by Faiss, which writes 1<<20 twice; StoreID here
//	32  uint8     is_trained, 1
//	33  int32     metric
//	37  uint64    number of floats, ntotal*d
//	45  float32…  the rows; Faiss ignores what follows them
type Header struct {
	D       int   // floats in a row, at least 1
	Ntotal  int64 // rows
	Metric  Metric
	StoreID [16]byte
}

const (
	fourccL2 = "IxF2"
	fourccIP = "IxFI"
)

// ParseHeader reads the header at the start of b and refuses anything that is not the
// start of a whole IndexFlat file. It does not look at the floats.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, fmt.Errorf("index header: %d bytes, need %d", len(b), HeaderSize)
	}
	h := Header{
		D:       int(int32(binary.LittleEndian.Uint32(b[4:]))),
		Ntotal:  int64(binary.LittleEndian.Uint64(b[8:])),
		StoreID: [16]byte(b[16:32]),
		Metric:  Metric(binary.LittleEndian.Uint32(b[33:])),
	}
	fourcc, trained, floats := string(b[:4]), b[32], binary.LittleEndian.Uint64(b[37:])
	switch {
	case fourcc != fourccL2 && fourcc != fourccIP:
		return Header{}, fmt.Errorf("index header: starts with %q, not %q or %q", fourcc, fourccL2, fourccIP)
	case h.Metric.check() != nil:
		return Header{}, fmt.Errorf("index header: %w", h.Metric.check())
	case fourcc != h.Metric.fourcc():
		return Header{}, fmt.Errorf("index header: %q with metric %v", fourcc, h.Metric)
	case h.D < 1:
		return Header{}, fmt.Errorf("index header: dim %d", h.D)
	case h.Ntotal < 0 || h.Ntotal > maxRows(h.D):
		return Header{}, fmt.Errorf("index header: %d rows of dim %d", h.Ntotal, h.D)
	case trained != 1:
		return Header{}, fmt.Errorf("index header: is_trained is %d, not 1", trained)
	case floats != uint64(h.Ntotal)*uint64(h.D):
		return Header{}, fmt.Errorf("index header: %d floats for %d rows of dim %d", floats, h.Ntotal, h.D)
	}
	return h, nil
}

// Append appends the header's HeaderSize bytes to b.
func (h Header) Append(b []byte) []byte {
	b = append(b, h.Metric.fourcc()...)
	b = binary.LittleEndian.AppendUint32(b, uint32(h.D))
	b = binary.LittleEndian.AppendUint64(b, uint64(h.Ntotal))
	b = append(b, h.StoreID[:]...)
	b = append(b, 1)
	b = binary.LittleEndian.AppendUint32(b, uint32(h.Metric))
	return binary.LittleEndian.AppendUint64(b, uint64(h.Ntotal)*uint64(h.D))
}

func (m Metric) fourcc() string {
	if m == L2 {
		return fourccL2
	}
	return fourccIP
}

// maxRows is how many rows of dim d a file can hold before its size leaves int64.
func maxRows(d int) int64 {
	return (math.MaxInt64 - HeaderSize) / (vector.Size * int64(d))
}
